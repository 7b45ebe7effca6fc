"""Render a report: HTML page, figures, Markdown, CSV and LaTeX."""

"""Compute what a report shows, as plain rows and numbers."""

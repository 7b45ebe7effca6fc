"""Render a report's page and Markdown without saving its figures, which takes most of the time of a report."""

from benchmarks.report.analysis.content_types import ReportContent
from benchmarks.report.render import exports, html_page
from benchmarks.report.render.report_figures import draw_figures

_EMPTY = '<svg role="img"></svg>'


def render(content: ReportContent) -> tuple[str, str]:
    """Return the page with an empty element for each figure, and the Markdown, of a report's content."""
    labels = {one.name: one.label for one in draw_figures(content)}
    page = html_page.render_page(content, dict.fromkeys(labels, _EMPTY))
    return page, exports.format_markdown(content, labels)

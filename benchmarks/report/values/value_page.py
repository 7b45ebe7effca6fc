"""Render a report of values as one self-contained HTML page."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.report.render.html_page import FILTERS, render_template
from benchmarks.report.values.prediction_cells import BINS
from benchmarks.report.values.value_figures import list_concordances, name_column
from benchmarks.report.values.value_types import ValueReportContent
from benchmarks.statistics.formatting import format_value, format_value_difference, format_value_ends, name_metric
from benchmarks.statistics.value_metrics import TARGET_METRICS

TEMPLATE = "values.html.j2"
# correlations in place of percent, and their differences in place of points
_VALUES: dict[str, Callable[..., Any]] = {
    "column": name_column,
    "percent": format_value,
    "points": format_value_difference,
    "ends": lambda one: format_value_ends(one["low"], one["high"]),
    "point_ends": lambda one: format_value_ends(one["low"], one["high"], difference=True),
}


def render_value_page(content: ValueReportContent, drawn: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        content: of the report.
        drawn: the SVG of each figure, by name.
    """
    return render_template(
        TEMPLATE,
        content,
        drawn,
        FILTERS | _VALUES,
        in_percent=False,
        headline=name_metric(content["metric"]),
        shown=list(dict.fromkeys((content["metric"], *list_concordances(content["targets"])))),
        target_metrics=TARGET_METRICS,
        bins=BINS,
    )

"""Draw the report's figures with matplotlib."""

from collections.abc import Iterator

import matplotlib as mpl

from benchmarks.report.analysis.content_types import ReportContent
from benchmarks.report.render.curve_figures import (
    draw_epochs,
    draw_reliability,
    draw_selective_accuracy,
    draw_train_sizes,
)
from benchmarks.report.render.feature_figures import draw_layers, draw_modalities
from benchmarks.report.render.figure_style import STYLE
from benchmarks.report.render.missing_figure import draw_missing
from benchmarks.report.render.plotting import Drawing
from benchmarks.report.render.system_figures import draw_confusions, draw_leaderboard

_DRAWN = (
    draw_leaderboard,
    draw_confusions,
    draw_modalities,
    draw_missing,
    draw_layers,
    draw_reliability,
    draw_selective_accuracy,
    draw_epochs,
    draw_train_sizes,
)


def draw_figures(content: ReportContent) -> Iterator[Drawing]:
    """Yield every figure that has content, in the order of the page."""
    for draw in _DRAWN:
        with mpl.rc_context(STYLE):
            yield from draw(content)

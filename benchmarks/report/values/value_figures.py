"""Draw the figures of a report of values: the leaderboard, predictions against the truth, and curves."""

from collections.abc import Iterator, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.report.analysis.leak_marks import find_leaks
from benchmarks.report.analysis.result_curves import select_interval
from benchmarks.report.analysis.system_types import SystemContent
from benchmarks.report.render.curve_figures import draw_epochs
from benchmarks.report.render.figure_style import GRID, SOFT, STYLE
from benchmarks.report.render.plotting import (
    LEAKED,
    SERIES,
    Drawing,
    draw_legend,
    label_leaks,
    make_figure,
    series_style,
    shorten_name,
)
from benchmarks.report.values.value_types import CellsContent, TargetContent, ValueReportContent
from benchmarks.statistics.formatting import name_metric
from benchmarks.statistics.value_metrics import CONCORDANCE, MEAN_CONCORDANCE, name_target_metric

_SHADES = 5  # of a cell, by its count


def draw_value_figures(content: ValueReportContent) -> Iterator[Drawing]:
    """Yield every figure that has content, in the order of the page."""
    for draw in (_draw_leaderboard, _draw_predictions, draw_epochs, _draw_train_sizes):
        with mpl.rc_context(STYLE):
            yield from draw(content)


def list_concordances(targets: Sequence[str]) -> list[str]:
    """List the mean concordance correlation, and that of each target where there are several.

    >>> list_concordances(["valence"])
    ['mean_concordance_correlation']
    """
    own = [name_target_metric(target, CONCORDANCE) for target in targets]
    return [MEAN_CONCORDANCE, *own] if len(targets) > 1 else [MEAN_CONCORDANCE]


def name_column(metric: str) -> str:
    """Name a column beside that of the mean: a concordance correlation by its target alone.

    >>> name_column("valence_concordance_correlation"), name_column("mean_concordance_correlation")
    ('of valence', 'mean concordance correlation')
    """
    target, concordance, _ = metric.partition(f"_{CONCORDANCE}")
    return f"of {target}" if concordance and metric != MEAN_CONCORDANCE else name_metric(metric)


def _draw_leaderboard(content: ValueReportContent) -> Iterator[Drawing]:
    """Draw the concordance correlations of every system with their intervals."""
    rows, metrics = content["leaderboard"], list_concordances(content["targets"])
    figure, grid = make_figure(7.6, 1.0 + 0.26 * len(rows), 1, len(metrics), sharex=True, sharey=True, squeeze=False)
    places = grid.ravel()
    titles = ["mean over targets" if len(metrics) > 1 else content["targets"][0], *content["targets"]]
    for axes, metric, title in zip(places, metrics, titles, strict=False):
        _draw_forest(axes, rows, metric)
        axes.set_title(title)
    figure.supxlabel("concordance correlation", fontsize=9)
    places[0].set_yticks(range(len(rows)), [shorten_name(row["system"], content) for row in rows])
    places[0].invert_yaxis()
    label = f"concordance correlation of {len(rows)} systems with 95 % intervals"
    yield Drawing("leaderboard", figure, label_leaks(label, [row["system"] for row in rows], content))


def _draw_forest(axes: Axes, rows: Sequence[SystemContent], metric: str) -> None:
    """Draw a dot and its interval in each row, red and hollow where the value is leaked, and a line at 0."""
    axes.axvline(0, color=SOFT, linewidth=1, linestyle="--")
    for place, row in enumerate(rows):
        one, leak = select_interval(row, metric), bool(row["leak"])
        color = LEAKED if leak else SERIES[0]
        axes.plot([one["low"], one["high"]], [place, place], color=color, linewidth=1.6)
        marker, fill = ("D", "none") if leak else ("o", "full")
        axes.plot(one["value"], place, marker, color=color, fillstyle=fill, markersize=5)
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _draw_predictions(content: ValueReportContent) -> Iterator[Drawing]:
    """Draw predictions against the truth, and beside them residuals, of the featured systems, a row for each target."""
    targets = content["targets"]
    for number, name in enumerate(content["featured"], 1):
        found = content["predictions"][name]["targets"]
        figure, grid = make_figure(7.6, 3.1 * len(targets), len(targets), 2, squeeze=False)
        for places, target in zip(grid, targets, strict=True):
            _draw_scatter(places[0], target, found[target])
            _draw_residuals(places[1], target, found[target])
        label = f"{shorten_name(name, content)}: predictions against the truth, and residuals, of {', '.join(targets)}"
        yield Drawing(f"predictions-{number}", figure, label_leaks(label, [name], content))


def _draw_scatter(axes: Axes, target: str, found: TargetContent) -> None:
    cells = found["scatter"]
    _draw_cells(axes, cells)
    axes.plot(cells["x"], cells["x"], color=SOFT, linewidth=1.2, linestyle="--")
    axes.set_aspect("equal")
    axes.set_xlabel(f"true {target}")
    axes.set_ylabel(f"predicted {target}")


def _draw_residuals(axes: Axes, target: str, found: TargetContent) -> None:
    _draw_cells(axes, found["residual"])
    axes.axhline(0, color=SOFT, linewidth=1.2, linestyle="--")
    at, mean = zip(*found["trend"], strict=True)
    axes.plot(at, mean, color=SERIES[1], marker="o", markersize=3, linewidth=1.4)
    axes.set_xlabel(f"predicted {target}")
    axes.set_ylabel("predicted − true")


def _draw_cells(axes: Axes, cells: CellsContent) -> None:
    """Shade the cells by their count, on a scale of roots: one path for each shade keeps the figure small."""
    (left, right), (bottom, top), bins = cells["x"], cells["y"], cells["bins"]
    width, height = (right - left) / bins, (top - bottom) / bins
    counts = np.array(cells["counts"])  # (M, 3)
    shade = np.ceil(_SHADES * np.sqrt(counts[:, 2] / counts[:, 2].max())).astype(int)
    for number in sorted(set(shade.tolist())):
        corners = [
            (left + column * width, bottom + row * height) for column, row, _ in counts[shade == number].tolist()
        ]
        cell = np.asarray(Path.unit_rectangle().vertices) * (width, height)  # (5, 2)
        joined = Path.make_compound_path(*(Path(cell + corner, Path.unit_rectangle().codes) for corner in corners))
        axes.add_patch(PathPatch(joined, facecolor=SERIES[0], alpha=0.15 + 0.85 * number / _SHADES, linewidth=0))
    axes.set_xlim(left - width / 2, right + width / 2)
    axes.set_ylim(bottom - height / 2, top + height / 2)
    axes.grid(color=GRID, linewidth=0.7)


def _draw_train_sizes(content: ValueReportContent) -> Iterator[Drawing]:
    """Draw the learning curves over train sizes in the headline metric."""
    leaked = find_leaks(content)
    curves = [one for one in content["sizes"] if one["system"] in content["featured"] and not is_baseline(one["head"])]
    if not curves:
        return
    figure, axes = make_figure(7.6, 3.2 + 0.08 * len(curves))
    for number, curve in enumerate(curves):
        points = [point[content["metric"]] for point in curve["points"]]  # type: ignore[literal-required]
        value = np.array([point["value"] for point in points])
        ends = np.abs(np.array([[point[end] for point in points] for end in ("low", "high")]) - value)
        style = series_style(number) | ({"color": LEAKED} if curve["system"] in leaked else {})
        at = [point["train"] for point in curve["points"]]
        label = shorten_name(curve["system"], content)
        axes.errorbar(at, value, yerr=ends, label=label, elinewidth=1, capsize=2, **style)
    axes.set_xlabel("training utterances, the mean over folds")
    axes.set_ylabel(name_metric(content["metric"]))
    axes.set_xlim(left=0)
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    draw_legend(figure, axes)
    label = f"{name_metric(content['metric'])} over train sizes"
    yield Drawing("sizes", figure, label_leaks(label, [one["system"] for one in curves], content))

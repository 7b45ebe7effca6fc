"""Draw the systems: the leaderboard, and confusion matrices with the metrics of each class."""

from collections.abc import Iterator, Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.report.analysis.content_types import ReportContent
from benchmarks.report.analysis.leak_marks import find_leaks
from benchmarks.report.analysis.result_curves import select_interval
from benchmarks.report.analysis.section_types import ConfusionContent
from benchmarks.report.analysis.system_types import ClassContent, IntervalContent
from benchmarks.report.render.figure_style import GRID, INK, SOFT
from benchmarks.report.render.metric_columns import list_main_metrics
from benchmarks.report.render.plotting import LEAKED, SERIES, Drawing, label_leaks, make_figure, shorten_name
from benchmarks.report.render.report_lookups import select_comparable
from benchmarks.statistics.formatting import name_metric

_OPACITY = 0.55  # of a cell that holds all of its row: the figures in it stay readable, light or dark


def draw_leaderboard(content: ReportContent) -> Iterator[Drawing]:
    """Draw the headline metric and the accuracy of every system with their intervals."""
    rows, main = content["leaderboard"], list_main_metrics(content["metric"])
    figure, (left, right) = make_figure(7.6, 0.9 + 0.26 * len(rows), 1, 2, sharey=True)
    floor = next((row for row in rows if is_baseline(row["head"])), None)
    for axes, metric in zip((left, right), main, strict=True):
        _forest(axes, [select_interval(row, metric) for row in rows], [bool(row["leak"]) for row in rows])
        if floor:
            axes.axvline(100 * floor["metrics"][metric]["value"], color=SOFT, linewidth=1, linestyle="--")
        for one in select_comparable(content):
            if one["metric"] == metric:
                axes.axvline(100 * one["value"], color=SERIES[1], linewidth=1.2, linestyle=":")
        axes.set_xlabel(f"{name_metric(metric)}, %")
    left.set_yticks(range(len(rows)), [shorten_name(row["system"], content) for row in rows])
    left.invert_yaxis()
    label = f"{' and '.join(name_metric(one) for one in reversed(main))} of {len(rows)} systems with 95 % intervals"
    yield Drawing("leaderboard", figure, label_leaks(label, [row["system"] for row in rows], content))


def _forest(axes: Axes, found: Sequence[IntervalContent], leaked: Sequence[bool]) -> None:
    """Draw a dot and its interval in each row, red and hollow where the value is leaked."""
    for row, (one, leak) in enumerate(zip(found, leaked, strict=True)):
        color = LEAKED if leak else SERIES[0]
        axes.plot([100 * one["low"], 100 * one["high"]], [row, row], color=color, linewidth=1.6)
        axes.plot(100 * one["value"], row, "D" if leak else "o", color=color, fillstyle="none" if leak else "full")
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def draw_confusions(content: ReportContent) -> Iterator[Drawing]:
    """Draw the confusion matrix and the metrics of each class of the featured systems."""
    figures = {row["system"]: row["per_class"] for row in content["leaderboard"]}
    for number, name in enumerate(content["featured"]):
        table = content["confusion"][name]
        count = len(table["classes"])
        figure, (left, right) = make_figure(7.6, max(1.3 + 0.36 * count, 2.4), 1, 2, width_ratios=(1.5, 1))
        _matrix(left, table)
        _per_class(right, table["classes"], figures[name])
        if name in find_leaks(content):
            figure.suptitle(f"leaked figures: {shorten_name(name, content)}", color=LEAKED, fontsize=9)
        label = f"confusion matrix and figures by class of {name}"
        yield Drawing(f"confusion-{number + 1}", figure, label_leaks(label, [name], content))


def _matrix(axes: Axes, table: ConfusionContent) -> None:
    counts, shares = np.array(table["counts"]), np.array(table["shares"])
    size = 8 if len(counts) <= 7 else 6
    for row, column in np.ndindex(counts.shape):
        cell = mpl.patches.Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, color=SERIES[0], linewidth=0)
        cell.set_alpha(_OPACITY * float(shares[row, column]))
        axes.add_patch(cell)
        text = f"{counts[row, column]:.0f}\n{100 * shares[row, column]:.0f} %"
        axes.text(column, row, text, ha="center", va="center", fontsize=size, linespacing=1.1)
    axes.set_xlim(-0.5, len(counts) - 0.5)
    axes.set_ylim(len(counts) - 0.5, -0.5)
    classes = table["classes"]
    axes.set_xticks(range(len(classes)), classes, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _per_class(axes: Axes, classes: Sequence[str], found: Mapping[str, ClassContent]) -> None:
    """Draw recall as a bar, precision and F1 as marks on it."""
    recall, precision, f1 = (
        [100 * found[name]["recall"] for name in classes],
        [100 * found[name]["precision"] for name in classes],
        [100 * found[name]["f1"] for name in classes],
    )
    places = range(len(classes))
    axes.barh(places, recall, height=0.62, color=SERIES[0], alpha=0.45, label="recall")
    axes.plot(
        precision, places, "D", color=SERIES[1], markersize=4.5, linestyle="none", label="precision", clip_on=False
    )
    axes.plot(f1, places, "|", color=INK, markersize=11, markeredgewidth=1.8, linestyle="none", label="F1")
    axes.set_ylim(len(classes) - 0.5, -0.5)
    axes.set_yticks(places, classes)
    axes.set_xlim(0, 100)
    axes.set_xlabel("%")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, frameon=False, fontsize=8, columnspacing=1)

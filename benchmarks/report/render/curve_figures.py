"""Draw curves: calibration, training by epoch, and learning curves over train sizes."""

from collections.abc import Iterator
from textwrap import fill

import numpy as np

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.report.analysis.content_types import PageContent, ReportContent
from benchmarks.report.render.figure_style import GRID, SOFT
from benchmarks.report.render.plotting import (
    SERIES,
    Drawing,
    draw_errorbars,
    draw_legend,
    label_leaks,
    make_figure,
    series_style,
    shorten_name,
)
from benchmarks.statistics.formatting import name_metric


def draw_reliability(content: ReportContent) -> Iterator[Drawing]:
    """Draw the reliability diagram of each featured system."""
    names = content["featured"]
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure, grid = make_figure(max(1.9 * columns, 3.0), 2.15 * rows + 0.3, rows, columns, sharex=True, sharey=True)
    places = np.atleast_1d(grid).ravel()
    for axes, name in zip(places, names, strict=False):
        bins = content["calibration"][name]["bins"]
        share = np.array([one["n"] for one in bins]) / sum(one["n"] for one in bins)
        x, y = [100 * one["confidence"] for one in bins], [100 * one["accuracy"] for one in bins]
        axes.plot([0, 100], [0, 100], color=SOFT, linewidth=1, linestyle="--")
        axes.plot(x, y, color=SERIES[0], linewidth=1)
        axes.scatter(x, y, s=8 + 160 * share, color=SERIES[0], alpha=0.75, linewidths=0, clip_on=False, zorder=3)
        axes.set_title(fill(shorten_name(name, content), 26), fontsize=8)
        axes.set_xlim(0, 102)
        axes.set_ylim(0, 102)
        axes.set_xticks([0, 50, 100])
        axes.set_yticks([0, 50, 100])
    for axes in places[len(names) :]:
        axes.set_visible(False)
    figure.supxlabel("confidence, %", fontsize=9)
    figure.supylabel("accuracy, %", fontsize=9)
    yield Drawing("reliability", figure, label_leaks(f"reliability diagrams of {', '.join(names)}", names, content))


def draw_selective_accuracy(content: ReportContent) -> Iterator[Drawing]:
    """Draw accuracy against coverage of the featured systems."""
    figure, axes = make_figure(7.6, 3.4)
    for number, name in enumerate(content["featured"]):
        curve = content["calibration"][name]["selective"]
        x, y = [100 * point["coverage"] for point in curve], [100 * point["accuracy"] for point in curve]
        axes.plot(x, y, label=shorten_name(name, content), **series_style(number), markevery=4)
    axes.set_xlim(0, 101)
    axes.set_xlabel("coverage: share of utterances, most confident first, %")
    axes.set_ylabel("accuracy on them, %")
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    draw_legend(figure, axes)
    label = "accuracy against coverage, the most confident utterances first"
    yield Drawing("selective", figure, label_leaks(label, content["featured"], content))


def draw_epochs(content: PageContent) -> Iterator[Drawing]:
    """Draw the training curves of the featured systems that learn in epochs."""
    shown = [one for one in content["epochs"] if one["system"] in content["featured"]] or content["epochs"][:4]
    names = list(dict.fromkeys(name for one in shown for name in one["curves"]))
    if not names:
        return
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure, grid = make_figure(7.6, 2.6 * rows + 0.4, rows, columns, sharex=True)
    places = np.atleast_1d(grid).ravel()
    for axes, curve_name in zip(places, names, strict=False):
        for number, one in enumerate(shown):
            if curve_name in one["curves"]:
                curve = one["curves"][curve_name]
                at = np.arange(1, len(curve["mean"]) + 1)
                axes.fill_between(at, curve["low"], curve["high"], color=SERIES[number % 8], alpha=0.18, linewidth=0)
                axes.plot(
                    at,
                    curve["mean"],
                    label=shorten_name(one["system"], content),
                    **series_style(number),
                    markevery=max(1, len(at) // 8),
                )
        axes.set_title(curve_name)
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("epoch")
    for axes in places[len(names) :]:
        axes.set_visible(False)
    draw_legend(figure, places[0])
    label = f"{', '.join(names)} over the epochs of training"
    yield Drawing("epochs", figure, label_leaks(label, [one["system"] for one in shown], content))


def draw_train_sizes(content: ReportContent) -> Iterator[Drawing]:
    """Draw the learning curves over train sizes."""
    curves = [one for one in content["sizes"] if one["system"] in content["featured"] and not is_baseline(one["head"])]
    if curves := curves or content["sizes"][: len(SERIES)]:
        figure, axes = make_figure(7.6, 3.2 + 0.08 * len(curves))
        for number, curve in enumerate(curves):
            at = np.array([point["train"] for point in curve["points"]])
            draw_errorbars(
                axes,
                at,
                [point[content["metric"]] for point in curve["points"]],
                number,
                shorten_name(curve["system"], content),
            )
        axes.set_xlabel("training utterances, the mean over folds")
        axes.set_ylabel(f"{name_metric(content['metric'])}, %")
        axes.set_xlim(left=0)
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        draw_legend(figure, axes)
        label = f"{name_metric(content['metric'])} over train sizes"
        yield Drawing("sizes", figure, label_leaks(label, [one["system"] for one in curves], content))

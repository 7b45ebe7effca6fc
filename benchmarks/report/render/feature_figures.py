"""Draw heads on different features: kinds of features, and the layers of an encoder."""

from collections.abc import Iterator

import numpy as np

from benchmarks.report.analysis.content_types import ReportContent
from benchmarks.report.analysis.result_curves import select_interval
from benchmarks.report.render.figure_style import GRID
from benchmarks.report.render.plotting import (
    Drawing,
    draw_errorbars,
    draw_leak_ring,
    draw_legend,
    label_leaks,
    make_figure,
)
from benchmarks.statistics.formatting import name_metric


def draw_modalities(content: ReportContent) -> Iterator[Drawing]:
    """Draw the headline metric of each head on each kind of features."""
    heads = [row for row in content["modalities"]["heads"] if len(row["systems"]) > 1]
    if not heads:
        return
    rows = {row["system"]: select_interval(row, content["metric"]) for row in content["leaderboard"]}
    kinds = list(dict.fromkeys(kind for row in heads for kind in row["systems"]))
    figure, axes = make_figure(7.6, 0.9 + 0.17 * len(heads) * (len(kinds) + 1))
    for number, kind in enumerate(kinds):
        found = [(place, row["systems"][kind]) for place, row in enumerate(heads) if kind in row["systems"]]
        at = np.array([place + 0.75 * ((number + 0.5) / len(kinds) - 0.5) for place, _ in found])
        draw_errorbars(axes, at, [rows[name] for _, name in found], number, kind, across=True)
        for place, (_, name) in zip(at, found, strict=True):
            draw_leak_ring(axes, 100 * rows[name]["value"], place, name, content)
    axes.set_yticks(range(len(heads)), [row["head"] for row in heads])
    axes.set_ylim(len(heads) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"{name_metric(content['metric'])}, %")
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    draw_legend(figure, axes)
    label = f"{name_metric(content['metric'])} of each head on {', '.join(kinds)}"
    yield Drawing(
        "modalities", figure, label_leaks(label, [name for row in heads for name in row["systems"].values()], content)
    )


def draw_layers(content: ReportContent) -> Iterator[Drawing]:
    """Draw the headline metric over the layers of each encoder."""
    if content["layers"]:
        figure, axes = make_figure(7.6, 3.4)
        for number, curve in enumerate(content["layers"]):
            at = np.array([point["layer"] for point in curve["points"]], float)
            draw_errorbars(axes, at, curve["points"], number, f"{curve['head']} on {curve['encoder']}")
            for point in curve["points"]:
                draw_leak_ring(axes, point["layer"], 100 * point["value"], point["system"], content)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("layer (0: the network's input)")
        axes.set_ylabel(f"{name_metric(content['metric'])}, %")
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        draw_legend(figure, axes)
        label = f"{name_metric(content['metric'])} over the layers of each encoder"
        shown = [point["system"] for curve in content["layers"] for point in curve["points"]]
        yield Drawing("layers", figure, label_leaks(label, shown, content))

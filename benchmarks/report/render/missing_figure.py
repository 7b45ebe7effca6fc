"""Draw what systems lose when a modality is missing in test."""

from collections.abc import Iterator

import numpy as np

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.report.analysis.content_types import ReportContent
from benchmarks.report.render.figure_style import GRID
from benchmarks.report.render.plotting import (
    Drawing,
    draw_errorbars,
    draw_legend,
    label_leaks,
    make_figure,
    shorten_name,
)
from benchmarks.statistics.formatting import name_metric

_APART = 1.2  # percent between the points of two systems, so that their intervals do not cover each other


def draw_missing(content: ReportContent) -> Iterator[Drawing]:
    """Draw the headline metric of the featured systems over the share of utterances without text, and without audio."""
    if "missing" not in content:
        return
    curves = [one for one in content["missing"]["curves"] if not is_baseline(one["head"])]
    names = list(dict.fromkeys(one["system"] for one in curves if one["system"] in content["featured"]))
    if not names:
        return
    modalities = list(dict.fromkeys(one["modality"] for one in curves))
    figure, grid = make_figure(7.6, 3.2 + 0.1 * len(names), 1, len(modalities), sharey=True)
    places = np.atleast_1d(grid).ravel()
    for axes, modality in zip(places, modalities, strict=True):
        for curve in curves:
            if curve["modality"] == modality and curve["system"] in names:
                number = names.index(curve["system"])
                at = np.array([100 * point["share"] for point in curve["points"]])
                at = at + _APART * (number - (len(names) - 1) / 2)
                found = [point[content["metric"]] for point in curve["points"]]
                draw_errorbars(axes, at, found, number, shorten_name(curve["system"], content))
        axes.set_xlabel(f"test utterances without {modality}, %")
        axes.set_xticks([0, 20, 50, 80, 100])
        axes.grid(axis="y", color=GRID, linewidth=0.7)
    places[0].set_ylabel(f"{name_metric(content['metric'])}, %")
    draw_legend(figure, places[0])
    label = f"{name_metric(content['metric'])} with {' or '.join(modalities)} missing in a share of the test utterances"
    yield Drawing("missing", figure, label_leaks(label, names, content))

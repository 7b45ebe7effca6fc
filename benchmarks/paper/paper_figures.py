"""Draw the paper's figures as SVG: label counts, curves of loss and accuracy, confusion matrices."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from benchmarks.report.render.figure_style import GRID, INK, STYLE, to_svg

TRAIN, HELD_OUT, LEFT_OUT = "#2166ac", "#b2182b", "#b8bfc6"


def draw_labels(corpus: Mapping[str, Any]) -> str:
    """Return Fig. 1: the turns of each label, in gray where the experiment leaves them out."""
    labels, counts = list(corpus["labels"]), list(corpus["labels"].values())
    kept = [label in corpus["classes"] for label in labels]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 0.6 + 0.27 * len(labels)), layout="constrained")
        axes = figure.subplots()
        bars = axes.barh(labels, counts, color=[TRAIN if keep else LEFT_OUT for keep in kept], height=0.7)
        axes.bar_label(bars, [f"{count:,}" for count in counts], padding=3)
        axes.invert_yaxis()
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.08)
        return to_svg(figure, "distribution", f"turns of each label of {corpus['title']}")


def draw_block(stage: Mapping[str, Any], number: int) -> str:
    """Return the curves of loss and accuracy over a block of epochs, and the confusion matrix after its last.

    Args:
        stage: as in `results.json`.
        number: of the block, counted from 0.
    """
    found = stage["blocks"][number]
    start, end = found["epochs"]
    history = stage["history"][start - 1 : end]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.6, 3.9), layout="constrained")
        left, right = figure.subfigures(1, 2, squeeze=False)[0]
        loss, accuracy = left.subplots(2, 1, sharex=True)
        _curves(loss, history, "loss", "held_out_loss", "loss, nats", 1)
        _curves(accuracy, history, "accuracy", "accuracy", "accuracy, %", 100)
        accuracy.set_ylim(0, 100)
        accuracy.set_xticks(range(start - 1, end + 1), [str(epoch) for epoch in range(start - 1, end + 1)])
        accuracy.set_xlabel("epochs done")
        left.legend(*loss.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
        _confusion(right.subplots(), found["confusion"], stage["classes"])
        label = f"{stage['name']} model, epochs {start} to {end}: loss, accuracy, confusion matrix"
        return to_svg(figure, f"{stage['name']}{number}", label)


def _curves(axes: Any, history: Sequence[Mapping[str, Any]], along: str, after: str, label: str, scale: float) -> None:
    """Draw the training part along each epoch as a line, and the test part after each epoch as points."""
    xs = np.concatenate([entry["epoch"] - 1 + _middles(len(entry["steps"][along])) for entry in history])
    ys = np.concatenate([entry["steps"][along] for entry in history])
    axes.plot(xs, scale * ys, color=TRAIN, linewidth=1.4, label="training, along the epoch")
    ends = [entry["epoch"] for entry in history]
    points = [scale * entry[after] for entry in history]
    axes.plot(ends, points, color=HELD_OUT, linewidth=1, linestyle=":", marker="o", label="test, after the epoch")
    axes.set_ylabel(label)
    axes.grid(axis="y", color=GRID, linewidth=0.7)


def _middles(count: int) -> Any:
    return (np.arange(count) + 0.5) / count


def _confusion(axes: Any, counts: Sequence[Sequence[int]], classes: Sequence[str]) -> None:
    """Draw the counts on a shade that is the share of the row, so of the true class."""
    table = np.array(counts)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=_SHADES, vmin=0, vmax=1, aspect="auto", interpolation="none")
    size = 9 if len(classes) <= 6 else 7.5
    for row, column in np.ndindex(table.shape):
        color = "white" if shares[row, column] > 0.55 else INK
        axes.text(column, row, str(table[row, column]), ha="center", va="center", color=color, fontsize=size)
    axes.set_xticks(range(len(classes)), classes, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title("turns (shade: share of the true class)", fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


_SHADES = mpl.colors.LinearSegmentedColormap.from_list("shares", ["#f4f7fa", "#9ecae1", "#2166ac", "#08306b"])

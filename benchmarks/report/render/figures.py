"""The report's figures, drawn by matplotlib from its content."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.render.drawing import GRID, INK, SOFT, STYLE
from benchmarks.report.render.tables import comparable, leaked
from benchmarks.statistics.metrics import METRIC

# Okabe and Ito's colours (2008, "Color Universal Design") without yellow and black, and two of Tol's (2021) dark ones
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#332288")
LEAKED = "#c00020"
_MARKERS = "os^DvPX*"
_LONGEST = 56  # letters of a name; more leave no room for the figure
_NAMES = {"accuracy": "accuracy", METRIC: "unweighted average recall"}
_SHADE = 0.55  # opacity of a cell that holds all of its row: the figures in it stay readable, light or dark


@dataclass(frozen=True)
class Drawing:
    """A figure and what it shows.

    Args:
        name: of its files, and of its place on the page.
        figure: drawn.
        label: one line for those who do not see it.
    """

    name: str
    figure: Figure
    label: str


def drawings(content: Mapping[str, Any]) -> Iterator[Drawing]:
    """Every figure that there is something to draw for, in the order of the page."""
    for draw in (_leaderboard, _confusions, _modalities, _layers, _reliability, _selective, _epochs, _sizes):
        with mpl.rc_context(STYLE):
            yield from draw(content)


def _leaderboard(content: Mapping[str, Any]) -> Iterator[Drawing]:
    rows = content["leaderboard"]
    figure, (left, right) = _figure(7.6, 0.9 + 0.26 * len(rows), 1, 2, sharey=True)
    floor = next((row for row in rows if row["head"] == "prior"), None)
    for axes, metric in ((left, METRIC), (right, "accuracy")):
        _forest(axes, [row["metrics"][metric] for row in rows], [bool(row["leak"]) for row in rows])
        if floor:
            axes.axvline(100 * floor["metrics"][metric]["value"], color=SOFT, linewidth=1, linestyle="--")
        for one in comparable(content):
            if one["metric"] == metric:
                axes.axvline(100 * one["value"], color=SERIES[1], linewidth=1.2, linestyle=":")
        axes.set_xlabel(f"{_NAMES[metric]}, %")
    left.set_yticks(range(len(rows)), [_marked(row["system"], content) for row in rows])
    left.invert_yaxis()
    label = f"accuracy and unweighted average recall of {len(rows)} systems with 95 % intervals"
    yield Drawing("leaderboard", figure, _label(label, [row["system"] for row in rows], content))


def _forest(axes: Axes, found: Sequence[Mapping[str, float]], leaked: Sequence[bool]) -> None:
    """A dot and its interval in each row, red and hollow where the figure is leaked."""
    for row, (one, leak) in enumerate(zip(found, leaked, strict=True)):
        colour = LEAKED if leak else SERIES[0]
        axes.plot([100 * one["low"], 100 * one["high"]], [row, row], color=colour, linewidth=1.6)
        axes.plot(100 * one["value"], row, "D" if leak else "o", color=colour, fillstyle="none" if leak else "full")
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _confusions(content: Mapping[str, Any]) -> Iterator[Drawing]:
    figures = {row["system"]: row["per_class"] for row in content["leaderboard"]}
    for number, name in enumerate(content["featured"]):
        table = content["confusion"][name]
        count = len(table["classes"])
        figure, (left, right) = _figure(7.6, max(1.3 + 0.36 * count, 2.4), 1, 2, width_ratios=(1.5, 1))
        _matrix(left, table)
        _per_class(right, table["classes"], figures[name])
        if name in leaked(content):
            figure.suptitle(f"leaked figures: {_marked(name, content)}", color=LEAKED, fontsize=9)
        label = f"confusion matrix and figures by class of {name}"
        yield Drawing(f"confusion-{number + 1}", figure, _label(label, [name], content))


def _matrix(axes: Axes, table: Mapping[str, Any]) -> None:
    counts, shares = np.array(table["counts"]), np.array(table["shares"])
    size = 8 if len(counts) <= 7 else 6
    for row, column in np.ndindex(counts.shape):
        cell = mpl.patches.Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, color=SERIES[0], linewidth=0)
        cell.set_alpha(_SHADE * float(shares[row, column]))
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


def _per_class(axes: Axes, classes: Sequence[str], found: Mapping[str, Mapping[str, float]]) -> None:
    """Recall as a bar, precision and F1 as marks on it."""
    values = {figure: [100 * found[name][figure] for name in classes] for figure in ("recall", "precision", "f1")}
    places = range(len(classes))
    axes.barh(places, values["recall"], height=0.62, color=SERIES[0], alpha=0.45, label="recall")
    axes.plot(values["precision"], places, "D", color=SERIES[1], markersize=4.5, linestyle="none", label="precision")
    axes.plot(values["f1"], places, "|", color=INK, markersize=11, markeredgewidth=1.8, linestyle="none", label="F1")
    axes.set_ylim(len(classes) - 0.5, -0.5)
    axes.set_yticks(places, classes)
    axes.set_xlim(0, 100)
    axes.set_xlabel("%")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, frameon=False, fontsize=8, columnspacing=1)


def _modalities(content: Mapping[str, Any]) -> Iterator[Drawing]:
    heads = [row for row in content["modalities"]["heads"] if len(row["systems"]) > 1]
    if not heads:
        return
    rows = {row["system"]: row["metrics"][METRIC] for row in content["leaderboard"]}
    kinds = list(dict.fromkeys(kind for row in heads for kind in row["systems"]))
    figure, axes = _figure(7.6, 0.9 + 0.17 * len(heads) * (len(kinds) + 1))
    for number, kind in enumerate(kinds):
        found = [(place, row["systems"][kind]) for place, row in enumerate(heads) if kind in row["systems"]]
        at = np.array([place + 0.75 * ((number + 0.5) / len(kinds) - 0.5) for place, _ in found])
        _errorbars(axes, at, [rows[name] for _, name in found], number, kind, across=True)
        for place, (_, name) in zip(at, found, strict=True):
            _ring(axes, 100 * rows[name]["value"], place, name, content)
    axes.set_yticks(range(len(heads)), [row["head"] for row in heads])
    axes.set_ylim(len(heads) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("unweighted average recall, %")
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    _legend(figure, axes)
    label = f"unweighted average recall of each head on {', '.join(kinds)}"
    yield Drawing(
        "modalities", figure, _label(label, [name for row in heads for name in row["systems"].values()], content)
    )


def _layers(content: Mapping[str, Any]) -> Iterator[Drawing]:
    if content["layers"]:
        figure, axes = _figure(7.6, 3.4)
        for number, curve in enumerate(content["layers"]):
            at = np.array([point["layer"] for point in curve["points"]], float)
            _errorbars(axes, at, curve["points"], number, f"{curve['head']} on {curve['encoder']}")
            for point in curve["points"]:
                _ring(axes, point["layer"], 100 * point["value"], point["system"], content)
        axes.set_xlabel("layer (0: the network's input)")
        axes.set_ylabel("unweighted average recall, %")
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        _legend(figure, axes)
        label = "unweighted average recall over the layers of each encoder"
        shown = [point["system"] for curve in content["layers"] for point in curve["points"]]
        yield Drawing("layers", figure, _label(label, shown, content))


def _reliability(content: Mapping[str, Any]) -> Iterator[Drawing]:
    names = content["featured"]
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure, grid = _figure(max(1.9 * columns, 3.0), 2.15 * rows + 0.3, rows, columns, sharex=True, sharey=True)
    places = np.atleast_1d(grid).ravel()
    for axes, name in zip(places, names, strict=False):
        bins = content["calibration"][name]["bins"]
        share = np.array([one["n"] for one in bins]) / sum(one["n"] for one in bins)
        x, y = ([100 * one[figure_name] for one in bins] for figure_name in ("confidence", "accuracy"))
        axes.plot([0, 100], [0, 100], color=SOFT, linewidth=1, linestyle="--")
        axes.plot(x, y, color=SERIES[0], linewidth=1)
        axes.scatter(x, y, s=8 + 160 * share, color=SERIES[0], alpha=0.75, linewidths=0, clip_on=False, zorder=3)
        axes.set_title(fill(_marked(name, content), 26), fontsize=8)
        axes.set_xlim(0, 102)
        axes.set_ylim(0, 102)
        axes.set_xticks([0, 50, 100])
        axes.set_yticks([0, 50, 100])
    for axes in places[len(names) :]:
        axes.set_visible(False)
    figure.supxlabel("confidence, %", fontsize=9)
    figure.supylabel("accuracy, %", fontsize=9)
    yield Drawing("reliability", figure, _label(f"reliability diagrams of {', '.join(names)}", names, content))


def _selective(content: Mapping[str, Any]) -> Iterator[Drawing]:
    figure, axes = _figure(7.6, 3.4)
    for number, name in enumerate(content["featured"]):
        curve = content["calibration"][name]["selective"]
        x, y = ([100 * point[figure_name] for point in curve] for figure_name in ("coverage", "accuracy"))
        axes.plot(x, y, label=_marked(name, content), **_style(number), markevery=4)
    axes.set_xlim(0, 101)
    axes.set_xlabel("coverage: answered, the surest first, %")
    axes.set_ylabel("accuracy on these, %")
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    _legend(figure, axes)
    label = "accuracy against coverage, the surest utterances first"
    yield Drawing("selective", figure, _label(label, content["featured"], content))


def _epochs(content: Mapping[str, Any]) -> Iterator[Drawing]:
    shown = [one for one in content["epochs"] if one["system"] in content["featured"]] or content["epochs"][:4]
    names = list(dict.fromkeys(name for one in shown for name in one["curves"]))
    if not names:
        return
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure, grid = _figure(7.6, 2.6 * rows + 0.4, rows, columns, sharex=True)
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
                    label=_marked(one["system"], content),
                    **_style(number),
                    markevery=max(1, len(at) // 8),
                )
        axes.set_title(curve_name)
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("epoch")
    for axes in places[len(names) :]:
        axes.set_visible(False)
    _legend(figure, places[0])
    label = f"{', '.join(names)} over the epochs of training"
    yield Drawing("epochs", figure, _label(label, [one["system"] for one in shown], content))


def _sizes(content: Mapping[str, Any]) -> Iterator[Drawing]:
    curves = [one for one in content["sizes"] if one["system"] in content["featured"] and one["head"] != "prior"]
    if curves := curves or content["sizes"][: len(SERIES)]:
        figure, axes = _figure(7.6, 3.2 + 0.08 * len(curves))
        for number, curve in enumerate(curves):
            at = np.array([point["train"] for point in curve["points"]])
            _errorbars(
                axes, at, [point[METRIC] for point in curve["points"]], number, _marked(curve["system"], content)
            )
        axes.set_xlabel("utterances to learn from, the mean over folds")
        axes.set_ylabel("unweighted average recall, %")
        axes.set_xlim(left=0)
        axes.grid(axis="y", color=GRID, linewidth=0.7)
        _legend(figure, axes)
        label = "unweighted average recall over the size of the training part"
        yield Drawing("sizes", figure, _label(label, [one["system"] for one in curves], content))


def _figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def _errorbars(
    axes: Axes, at: np.ndarray, found: Sequence[Mapping[str, float]], number: int, label: str, *, across: bool = False
) -> None:
    """Values with their intervals: side by side along x and joined, or across as rows of dots."""
    value = np.array([100 * one["value"] for one in found])
    ends = np.abs(np.array([[100 * one[end] for one in found] for end in ("low", "high")]) - value)
    style = _style(number) | ({"linestyle": "none"} if across else {})
    draw: Callable[..., Any] = axes.errorbar
    if across:
        draw(value, at, xerr=ends, label=label, elinewidth=1.4, **style)
    else:
        draw(at, value, yerr=ends, label=label, elinewidth=1, capsize=2, **style)


def _ring(axes: Axes, x: float, y: float, name: str, content: Mapping[str, Any]) -> None:
    """A red diamond around the value of a leaked system."""
    if name in leaked(content):
        axes.plot(x, y, "D", color=LEAKED, fillstyle="none", markersize=9, linestyle="none", label="leaked")


def _label(text: str, names: Sequence[str], content: Mapping[str, Any]) -> str:
    """What a figure shows, and which of the systems in it are leaked: a mark is nothing to those who do not see it."""
    found = [name for name in names if name in leaked(content)]
    which = f": {', '.join(found)}" if len(names) > 1 else ""
    return f"{text}; leaked figures{which}" if found else text


def _marked(name: str, content: Mapping[str, Any]) -> str:
    """A system's name where it is drawn: a long one without its middle, and a leaked one with a mark."""
    shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST // 2]}…{name[-(_LONGEST // 2 - 1) :]}"
    return f"{shown} !" if name in leaked(content) else shown


def _style(number: int) -> dict[str, Any]:
    """Colour, marker and dashes of a series: no two are told apart by colour alone."""
    dashes = ("-", "--", "-.", ":")[number // len(SERIES) % 4]
    colour, marker = SERIES[number % len(SERIES)], _MARKERS[number % len(_MARKERS)]
    return {"color": colour, "marker": marker, "markersize": 4.5, "linewidth": 1.5, "linestyle": dashes}


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    widest = max(map(len, once))
    columns = max(1, min(len(once), 96 // (widest + 8)))
    figure.legend(once.values(), once.keys(), loc="outside upper center", ncols=columns, frameon=False, fontsize=8)

"""Draw with one style: series, intervals, marks of leaked systems, legends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.analysis.content_types import BenchmarkContent
from benchmarks.report.analysis.leak_marks import find_leaks
from benchmarks.report.analysis.system_types import IntervalContent

# Okabe and Ito's colors (2008, "Color Universal Design") without yellow and black, and two of Tol's (2021) dark ones
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#332288")
LEAKED = "#c00020"
_MARKERS = "os^DvPX*"
_LONGEST = 56  # letters of a name, so that the figure has room


@dataclass(frozen=True)
class Drawing:
    """A figure and what it shows.

    Args:
        name: of its files, and of its place on the page.
        figure: drawn.
        label: one line for screen readers.
    """

    name: str
    figure: Figure
    label: str


def make_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """Return an empty figure of this size in inches, with its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def draw_errorbars(
    axes: Axes, at: np.ndarray, found: Sequence[IntervalContent], number: int, label: str, *, across: bool = False
) -> None:
    """Draw values with their intervals, joined along x, or across as rows of dots."""
    value = np.array([100 * one["value"] for one in found])
    ends = np.array([[one["low"] for one in found], [one["high"] for one in found]])
    ends = np.abs(100 * ends - value)
    style = series_style(number) | ({"linestyle": "none"} if across else {})
    draw: Callable[..., Any] = axes.errorbar
    if across:
        draw(value, at, xerr=ends, label=label, elinewidth=1.4, **style)
    else:
        draw(at, value, yerr=ends, label=label, elinewidth=1, capsize=2, **style)


def draw_leak_ring(axes: Axes, x: float, y: float, name: str, content: BenchmarkContent) -> None:
    """Draw a red diamond around the value of a leaked system."""
    if name in find_leaks(content):
        axes.plot(x, y, "D", color=LEAKED, fillstyle="none", markersize=9, linestyle="none", label="leaked")


def label_leaks(text: str, names: Sequence[str], content: BenchmarkContent) -> str:
    """Return a figure's label with the names of the leaked systems in it, for screen readers."""
    found = [name for name in names if name in find_leaks(content)]
    which = f": {', '.join(found)}" if len(names) > 1 else ""
    return f"{text}; leaked figures{which}" if found else text


def shorten_name(name: str, content: BenchmarkContent) -> str:
    """Return a system's name for a figure: a long one without its middle, a leaked one with a mark."""
    shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST // 2]}…{name[-(_LONGEST // 2 - 1) :]}"
    return f"{shown} !" if name in find_leaks(content) else shown


def series_style(number: int) -> dict[str, Any]:
    """Return color, marker and dashes of a series, so that no two differ by color alone."""
    dashes = ("-", "--", "-.", ":")[number // len(SERIES) % 4]
    color, marker = SERIES[number % len(SERIES)], _MARKERS[number % len(_MARKERS)]
    return {"color": color, "marker": marker, "markersize": 4.5, "linewidth": 1.5, "linestyle": dashes}


def draw_legend(figure: Figure, axes: Axes) -> None:
    """Draw one legend above the figure, each label once."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    widest = max(map(len, once))
    columns = max(1, min(len(once), 96 // (widest + 8)))
    figure.legend(once.values(), once.keys(), loc="outside upper center", ncols=columns, frameon=False, fontsize=8)

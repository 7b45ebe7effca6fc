"""Measure how the time and the memory of a piece of work grow with the number of rows, each size in its own process."""

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.speed._command import INTERVAL, read_memory
from benchmarks.speed._row import Measurement, compare_repeats, summarize

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SMALL = (100, 300)  # sizes that only show that it runs
_TINY = 1000  # rows up to which nothing is measured but that it runs: starting a process for them would take seconds


@dataclass(frozen=True)
class Cost:
    """What one size took.

    Args:
        rows: number of rows.
        seconds: that the work itself measured.
        memory: peak anonymous memory of its process in MB, without mapped files.
    """

    rows: int
    seconds: float
    memory: float


def measure_growth(work: Callable[..., float], sizes: Sequence[int], *arguments: Any) -> list[Cost]:
    """Call `work(rows, *arguments)` once per size, each in a fresh process, and return what each took.

    If no size is above 1,000 rows, the calls are made in this process, and their memory is 0.

    Args:
        work: a function at the top of a module. It prepares what it needs, and returns the seconds of what it measures.
        sizes: numbers of rows.
        arguments: passed on to every call.
    """
    if max(sizes) <= _TINY:
        return [Cost(rows, work(rows, *arguments), 0.0) for rows in sizes]
    return [_measure(work, rows, arguments) for rows in sizes]


def compare_sizes(
    name: str, costs: Sequence[Cost], settings: str, *, seconds: float | None = None, memory: float | None = None
) -> list[Measurement]:
    """Make the rows of a table: time and memory at each size, and how the time of a row grows.

    Args:
        name: what was measured.
        costs: by increasing size.
        settings: threads, processes, widths.
        seconds: bar on the time at the largest size; None for none.
        memory: bar on the memory at the largest size in MB; None for none.
    """
    largest = costs[-1]
    each = [
        row
        for cost in costs
        for row in (
            summarize(f"{name}, {cost.rows:,} rows", [cost.seconds], "s", settings, bar=_only(cost, largest, seconds)),
            summarize(f"{name}, {cost.rows:,} rows", [cost.memory], "MB", settings, bar=_only(cost, largest, memory)),
        )
    ]
    before = costs[-2]
    per_row = [cost.seconds / cost.rows * 1e6 for cost in (largest, before)]
    against = f"at {before.rows:,} rows"
    growth = compare_repeats(
        f"{name}, a row at {largest.rows:,}", against, per_row[:1], per_row[1:], "µs", settings, bar=1.3, at_most=True
    )
    return [*each, growth]


def _only(cost: Cost, largest: Cost, bar: float | None) -> float | None:
    return bar if cost is largest else None


def _measure(work: Callable[..., float], rows: int, arguments: tuple[Any, ...]) -> Cost:
    ended = threading.Event()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        call = pool.submit(work, rows, *arguments)
        call.add_done_callback(lambda _: ended.set())
        (process,) = multiprocessing.active_children()[-1:]
        memory = 0.0
        while not ended.wait(INTERVAL):
            memory = max(memory, read_memory(process.pid or 0, "RssAnon"))
        return Cost(rows, call.result(), memory)

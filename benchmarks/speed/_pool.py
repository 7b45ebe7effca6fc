"""Run references in processes of one thread each, so that they use the cores as the engine does."""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

MULTIPLY = (
    2048  # side of the matrices: large enough for the full rate, small enough to fit into memory with the encoders
)


class Pool:
    """Processes that start before anything is timed; a free process takes the next task."""

    def __init__(self, processes: int, prepare: Callable[..., None] | None = None, *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.processes = processes
        self._pool = ProcessPoolExecutor(processes, context, _start, (prepare, arguments))
        list(self._pool.map(time.sleep, [0.2] * processes))

    def seconds(self, task: Callable[[Any], Any], items: Sequence[Any]) -> float:
        """Return the seconds that all processes together need for a task on every item."""
        started = time.perf_counter()
        list(self._pool.map(task, items))
        return time.perf_counter() - started

    def multiply_rate(self, seconds: float = 1.5) -> float:
        """Return the float32 operations per second of a large matrix product in every process at once."""
        return sum(self._pool.map(_multiply, [seconds] * self.processes))

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown()


def _start(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    if prepare is not None:
        prepare(*arguments)


def _multiply(seconds: float) -> float:
    import torch

    left, right = torch.randn(2, MULTIPLY, MULTIPLY)
    product = torch.mm(left, right)
    rates: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(rates) < 2:
        started = time.perf_counter()
        torch.mm(left, right, out=product)
        rates.append(2 * MULTIPLY**3 / (time.perf_counter() - started))
    return statistics.fmean(rates)

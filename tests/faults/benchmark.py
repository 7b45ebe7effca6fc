"""Run a benchmark in a separate process that a worker kills, with all workers, after a number of runs.

A worker kills it, because an outside watcher could come too late, when all runs are done.
"""

import os
import signal
from functools import partial
from pathlib import Path

from benchmarks.grid import runner
from benchmarks.grid.config import BenchmarkConfig
from featurestore.engines import parallel
from tests.support.fake_store import FakeStore

CONFIG = BenchmarkConfig.parse(("svm",), protocol="leave-one-session-out", seeds=tuple(range(5)))

_run_together = runner._run_together


def run(folder: str, dies_at: str) -> None:
    """Run the benchmark with two workers, and kill the whole process group once `dies_at` runs are on disk."""
    parallel.count_cores = lambda: 2  # with a worker for each run, all runs would start before one ends
    runner._run_together = partial(run_together, dies_at=int(dies_at))
    runner.benchmark(FakeStore(), CONFIG, Path(folder))


def run_together(store, group, folder, *, dies_at):
    """Kill the process group from within a worker, or make the runs as usual."""
    if len(list(folder.glob("*.json"))) >= dies_at:
        os.killpg(0, signal.SIGKILL)
    return _run_together(store, group, folder)

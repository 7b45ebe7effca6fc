"""Run a benchmark in a process of its own, which one of its workers kills together with all the others.

A worker does it, not an observer, which could look too late, when all runs are done.
"""

import os
import signal
import sys
from functools import partial
from pathlib import Path

from benchmarks.grid import runner
from benchmarks.grid.config import BenchmarkConfig
from featurestore.engines import parallel
from tests.support.fake_store import FakeStore

CONFIG = BenchmarkConfig.parse(("svm",), protocol="leave-one-session-out", seeds=tuple(range(5)))

_run_together = runner._run_together


def run(folder: str, dies_at: int) -> None:
    """Run `CONFIG` with two workers, until `dies_at` runs are on disk and the whole process group is killed."""
    parallel.cores = lambda: 2  # with a worker for every run, all runs would start before any is done
    runner._run_together = partial(run_together, dies_at=dies_at)
    runner.benchmark(FakeStore(), CONFIG, Path(folder))


def run_together(store, group, folder, *, dies_at):
    """Kill all processes, or do the work of a worker."""
    if len(list(folder.glob("*.json"))) >= dies_at:
        os.killpg(0, signal.SIGKILL)
    return _run_together(store, group, folder)


if __name__ == "__main__":
    from tests.faults import benchmark  # workers import functions by this name only

    benchmark.run(sys.argv[1], int(sys.argv[2]))

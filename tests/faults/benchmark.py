"""A benchmark in a process of its own, which is killed with all its workers by the first of these that may not begin.

Only who takes part is in time: one that watches may look when all runs are done.
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
    """Runs what `CONFIG` says with two workers; the whole process group dies once `dies_at` runs are on disk."""
    parallel.cores = lambda: 2  # with one for every run, all would have begun before any is done
    runner._run_together = partial(run_together, dies_at=dies_at)
    runner.benchmark(FakeStore(), CONFIG, Path(folder))


def run_together(store, group, folder, *, dies_at):
    """In a worker: ends all, or does what it is there for."""
    if len(list(folder.glob("*.json"))) >= dies_at:
        os.killpg(0, signal.SIGKILL)
    return _run_together(store, group, folder)


if __name__ == "__main__":
    from tests.faults import benchmark  # workers find what they are handed under this name only

    benchmark.run(sys.argv[1], int(sys.argv[2]))

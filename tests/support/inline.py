"""Run one job in the test's own process, so that it sees what the test patches and counts."""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager

from featurestore.engines import WorkerFailure, WorkerPool, loky
from featurestore.networks.device import count_cores

open_worker_pool = loky.open_pool


class InlineExecutor(Executor):
    """Run each call when it is submitted."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def open_pool(engine) -> Iterator[WorkerPool]:
    """Replace loky's function: one job runs in this process, several run in worker processes as usual."""
    if (engine.jobs or count_cores()) > 1:
        with open_worker_pool(engine) as pool:
            yield pool
    else:
        yield WorkerPool(InlineExecutor(), lambda: 1, WorkerFailure("", ""), lambda error: None)

"""Run work in the test's own process, so that it sees what the test patches and counts, and no worker is started."""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager

from featurestore.engines import WorkerFailure, WorkerPool, loky

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
    """Replace loky's function: without a number of jobs, or with one, work runs in this process."""
    if engine.jobs > 1:
        with open_worker_pool(engine) as pool:
            yield pool
    else:
        yield WorkerPool(InlineExecutor(), lambda: 1, WorkerFailure("", ""), lambda error: None)

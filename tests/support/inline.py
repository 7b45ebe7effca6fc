"""Run work in the test's own process, so that it sees what the test patches and counts, and no worker is started."""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, contextmanager

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
def open_pool_here(_engine) -> Iterator[WorkerPool]:
    """Replace loky's function: any number of jobs run in this process, one after the other."""
    yield WorkerPool(InlineExecutor(), lambda: 1, WorkerFailure("", ""), lambda error: None)


def open_pool(engine) -> AbstractContextManager[WorkerPool]:
    """Replace loky's function: without a number of jobs, or with one, work runs in this process."""
    return (open_worker_pool if engine.jobs > 1 else open_pool_here)(engine)

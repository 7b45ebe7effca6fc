"""Send calls to an engine's workers, a bounded number ahead, and yield the answers as they arrive."""

import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any

from featurestore.engines import WorkerFailure, WorkerPool
from featurestore.engines.stop import delay_stop
from featurestore.errors import Unavailable
from featurestore.progress import Say

AHEAD = 2  # calls sent for each one that can run, so that no worker waits for the next
PATIENCE = 60.0  # seconds to wait for a worker before giving up
_GLANCE = 1.0  # seconds without an answer after which the workers are counted


def dispatch(
    pool: WorkerPool,
    function: Callable[..., Any],
    tasks: Iterable[tuple[Any, ...]],
    *,
    say: Say,
    resumable: bool = True,
) -> Generator[tuple[int, Any], None, None]:
    """Call a function in the workers with each task's arguments, and yield each answer as soon as it arrives.

    Args:
        pool: workers of a running engine.
        function: importable by the workers.
        tasks: the arguments of each call, consumed as calls are sent.
        say: receives a line if no worker is left, and another when one is back.
        resumable: whether finished work is on disk, so that the same command continues; for the message.

    Yields:
        The task's number, counted from 0, and its answer, in the order in which the calls end.

    Raises:
        Unavailable: a worker died for good, or there was none for `PATIENCE` seconds.
        Exception: what a call raised; the other calls are not awaited.
    """
    numbered, watch = enumerate(tasks), _WorkerWatch(pool, say, resumable)
    running: dict[Future[Any], int] = {}
    ended: SimpleQueue[Future[Any]] = SimpleQueue()
    try:
        while True:
            for number, task in islice(numbered, max(0, AHEAD * max(1, pool.count()) - len(running))):
                with delay_stop():  # a worker may start here, with a semaphore of its own
                    future = pool.executor.submit(function, *task)
                running[future] = number
                future.add_done_callback(ended.put)
            if not running:
                return
            try:
                future = ended.get(timeout=_GLANCE)
            except Empty:
                watch.check()
                continue
            watch.note_worker()
            yield running.pop(future), future.result()
    except Exception as error:
        failure = pool.explain(error)
        if failure is None:
            raise
        raise _give_up(failure, resumable) from None


class _WorkerWatch:
    """Report that no worker is left, and give up after a while."""

    def __init__(self, pool: WorkerPool, say: Say, resumable: bool) -> None:
        self._pool, self._say, self._resumable = pool, say, resumable
        self._since: float | None = None

    def check(self) -> None:
        """Check that there is a worker.

        Raises:
            Unavailable: there was none for `PATIENCE` seconds.
        """
        what, do = self._pool.no_worker
        if self._pool.count():
            self.note_worker()
        elif self._since is None:
            self._since = time.monotonic()
            self._say(f"{what}; waiting up to {PATIENCE:g} s for one …\n  do: {do}")
        elif time.monotonic() - self._since > PATIENCE:
            raise _give_up(WorkerFailure(f"{what} (waited {PATIENCE:g} s)", do), self._resumable)

    def note_worker(self) -> None:
        """Note that there is a worker, or that an answer shows that there was one a moment ago."""
        if self._since is not None:
            self._say("a worker is back; continuing")
        self._since = None


def _give_up(failure: WorkerFailure, resumable: bool) -> Unavailable:
    if not resumable:
        return Unavailable(failure.what, do=f"run the same command again; {failure.do}")
    return Unavailable(
        f"{failure.what}; finished work is kept", do=f"run the same command again: it continues; {failure.do}"
    )

"""Hand calls to an engine's workers, a bounded number ahead, and yield the answers as they come."""

import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any

from featurestore.engines import Loss, Workers
from featurestore.errors import Unavailable

AHEAD = 2  # calls that are handed out for each one that can run, so that no worker waits for the next
PATIENCE = 60.0  # seconds without any worker after which the work is given up
_GLANCE = 1.0  # seconds without an answer after which the workers are counted

Say = Callable[[str], None]


def dispatch(
    workers: Workers,
    function: Callable[..., Any],
    tasks: Iterable[tuple[Any, ...]],
    *,
    say: Say,
    kept: bool = True,
) -> Generator[tuple[int, Any], None, None]:
    """Call a function with each task's arguments in the workers, and yield each answer as soon as it is there.

    Args:
        workers: of a running engine.
        function: importable by the workers.
        tasks: arguments of each call; taken from as calls are handed out.
        say: is told when no worker is left, and when one is there again.
        kept: whether what was finished is on disk, so that the same command continues; for the message.

    Yields:
        The task's number, counted from 0, and its answer, in the order in which they end.

    Raises:
        Unavailable: a worker died for good, or there was none for `PATIENCE` seconds.
        Exception: what a call raised; the others are not waited for.
    """
    numbered, absence = enumerate(tasks), _Absence(workers, say, kept)
    begun: dict[Future[Any], int] = {}
    ended: SimpleQueue[Future[Any]] = SimpleQueue()
    try:
        while True:
            for number, task in islice(numbered, max(0, AHEAD * max(1, workers.count()) - len(begun))):
                future = workers.executor.submit(function, *task)
                begun[future] = number
                future.add_done_callback(ended.put)
            if not begun:
                return
            try:
                future = ended.get(timeout=_GLANCE)
            except Empty:
                absence.check()
                continue
            absence.end()
            yield begun.pop(future), future.result()
    except Exception as error:
        loss = workers.loss(error)
        if loss is None:
            raise
        raise _given_up(loss, kept) from None


class _Absence:
    """Notice that no worker is left, say so, and give up after a while."""

    def __init__(self, workers: Workers, say: Say, kept: bool) -> None:
        self._workers, self._say, self._kept = workers, say, kept
        self._since: float | None = None

    def check(self) -> None:
        """Look whether a worker is there.

        Raises:
            Unavailable: there was none for `PATIENCE` seconds.
        """
        what, do = self._workers.absence
        if self._workers.count():
            self.end()
        elif self._since is None:
            self._since = time.monotonic()
            self._say(f"{what}; waiting up to {PATIENCE:g} s for one …\n  do: {do}")
        elif time.monotonic() - self._since > PATIENCE:
            raise _given_up(Loss(f"{what}, {PATIENCE:g} s long", do), self._kept)

    def end(self) -> None:
        """Take note that a worker is there, or was a moment ago, since an answer came."""
        if self._since is not None:
            self._say("a worker is there again; the work goes on")
        self._since = None


def _given_up(loss: Loss, kept: bool) -> Unavailable:
    if not kept:
        return Unavailable(loss.what, do=f"run the same command again; {loss.do}")
    return Unavailable(
        f"{loss.what}; what was finished is kept", do=f"run the same command again: it continues; {loss.do}"
    )

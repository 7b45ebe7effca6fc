"""The workers of a running engine: how to hand them calls, how many there are, and what their failures mean."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import NamedTuple

from featurestore.errors import Unavailable

_EVERY = 1.0  # seconds between two counts of a cluster's workers
_STALE = 15.0  # seconds after which an old count is no longer believed


class Loss(NamedTuple):
    """What was lost with a worker or a cluster, and what the user can do about it."""

    what: str
    do: str


@dataclass(frozen=True)
class Workers:
    """Hand calls to the workers of a running engine.

    Args:
        executor: takes the calls.
        count: how many calls the workers that are there now can run at once; 0 where no worker is left.
        absence: what to say where no worker is left.
        loss: what an error of a call means for the engine; None for an error of the call itself.
    """

    executor: Executor
    count: Callable[[], int]
    absence: Loss
    loss: Callable[[BaseException], Loss | None]


@contextmanager
def counted(ask: Callable[[], int]) -> Iterator[Callable[[], int]]:
    """Count a cluster's workers beside the block, so that a cluster that no longer answers blocks nobody.

    Args:
        ask: asks the cluster; it may raise or block.

    Yields:
        The last count; 0 where the cluster has given none for a while.
    """
    ended, asked = threading.Event(), threading.Event()
    last = (0, time.monotonic())

    def watch() -> None:
        nonlocal last
        while not ended.is_set():
            last = (_asked(ask), time.monotonic())
            asked.set()
            ended.wait(_EVERY)

    threading.Thread(target=watch, name="count-workers", daemon=True).start()
    asked.wait(_STALE)
    try:
        yield lambda: last[0] if time.monotonic() - last[1] < _STALE else 0
    finally:
        ended.set()


def _asked(ask: Callable[[], int]) -> int:
    try:
        return ask()
    except Exception:  # of whatever kind the cluster's package raises: nobody answers
        return 0


def check_package(package: str, extra: str) -> None:
    """Check that an engine's package is installed.

    Raises:
        Unavailable: it is not.
    """
    if find_spec(package) is None:
        raise Unavailable(f"engine {extra} needs the package {package}", do=f"pip install 'emofuse[{extra}]'")

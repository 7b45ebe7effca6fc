"""Describe the workers of a running engine: how to call them, how many there are, and what their failures mean."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from featurestore.errors import Unavailable

if TYPE_CHECKING:
    from concurrent.futures import Executor

_EVERY = 1.0  # seconds between two counts of a cluster's workers
_STALE = 15.0  # seconds after which a count is out of date


class WorkerFailure(NamedTuple):
    """Failure of a worker or a cluster, and what the user can do about it."""

    what: str
    do: str


@dataclass(frozen=True)
class WorkerPool:
    """Workers of a running engine.

    Args:
        executor: takes the calls.
        count: returns how many calls the present workers can run at once; 0 if no worker is left.
        no_worker: the failure to report if no worker is left.
        explain: returns the failure that an error stands for; None for an error that the call itself raised.
    """

    executor: "Executor"
    count: Callable[[], int]
    no_worker: WorkerFailure
    explain: Callable[[BaseException], WorkerFailure | None]


@contextmanager
def watch_count(ask: Callable[[], int]) -> Iterator[Callable[[], int]]:
    """Count a cluster's workers in a thread during the block, so that a silent cluster blocks nothing.

    Args:
        ask: asks the cluster; it may raise or block.

    Yields:
        A function that returns the last count; 0 if the cluster has not answered for 15 seconds.
    """
    ended, counted = threading.Event(), threading.Event()
    last = (0, time.monotonic())

    def watch() -> None:
        nonlocal last
        while not ended.is_set():
            last = (_ask_safely(ask), time.monotonic())
            counted.set()
            ended.wait(_EVERY)

    threading.Thread(target=watch, name="count-workers", daemon=True).start()
    counted.wait(_STALE)
    try:
        yield lambda: last[0] if time.monotonic() - last[1] < _STALE else 0
    finally:
        ended.set()


def _ask_safely(ask: Callable[[], int]) -> int:
    try:
        return ask()
    except Exception:  # each cluster package raises its own kinds
        return 0


def check_package(package: str, extra: str) -> None:
    """Check that an engine's package is installed.

    Args:
        package: name of the package to import.
        extra: name of the engine, which is also the extra that installs the package.

    Raises:
        Unavailable: the package is not installed.
    """
    if find_spec(package) is None:
        raise Unavailable(f"engine {extra} needs the package {package}", do=f"pip install 'emofuse[{extra}]'")

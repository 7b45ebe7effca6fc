"""Let the signals that end a process run its cleanup."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)  # SIGINT raises KeyboardInterrupt already


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise SystemExit on SIGTERM and SIGHUP within the block, so that what it started is ended.

    A handler that the calling program has set itself stays. Outside the main thread nothing can be set.
    """
    here = threading.current_thread() is threading.main_thread()
    ours = [number for number in _ENDING if here and signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _exit)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> None:
    for other in _ENDING:
        if signal.getsignal(other) is _exit:
            signal.signal(other, signal.SIG_IGN)  # a second one must not cut the cleanup short
    raise SystemExit(128 + number)

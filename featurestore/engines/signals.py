"""Turn the signals that end a process into an exit that runs its cleanup."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)  # SIGINT raises KeyboardInterrupt already


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Raise SystemExit on SIGTERM and SIGHUP within the block, so that its cleanup ends the workers.

    A handler that the calling program has set stays in place. Outside the main thread Python allows no handlers, so
    nothing is set there.
    """
    is_main = threading.current_thread() is threading.main_thread()
    unset = [number for number in _ENDING if is_main and signal.getsignal(number) is signal.SIG_DFL]
    for number in unset:
        signal.signal(number, _exit)
    try:
        yield
    finally:
        for number in unset:
            signal.signal(number, signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> None:
    for other in _ENDING:
        if signal.getsignal(other) is _exit:
            signal.signal(other, signal.SIG_IGN)  # a second signal must not interrupt the cleanup
    raise SystemExit(128 + number)

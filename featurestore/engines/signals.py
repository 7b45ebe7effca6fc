"""Turn the signals that end a process into an exit that runs its cleanup, also in a program that calls the library.

The command line goes further: see `featurestore.engines.stop`.
"""

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


@contextmanager
def keep_handlers() -> Iterator[None]:
    """Set the handlers of the signals that end a process back after the block, which calls a library that sets some."""
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ENDING) if is_main}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def block_hangup() -> Iterator[None]:
    """Block SIGHUP for the block, and for good in the processes that are started within it.

    The trackers that remove semaphores ignore SIGINT and SIGTERM, but a terminal that hangs up sends SIGHUP to them
    too. They have to outlive the process that they clean up after.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _exit(number: int, frame: FrameType | None) -> None:
    for other in _ENDING:
        if signal.getsignal(other) is _exit:
            signal.signal(other, signal.SIG_IGN)  # a second signal must not interrupt the cleanup
    raise SystemExit(128 + number)

"""End a command on SIGINT, SIGTERM or SIGHUP, with every process that it started, within seconds.

Three steps, each for what the one before cannot reach:

1. A handler raises SystemExit in the main thread. Locks are released, temporary files removed, and each pool ends its
   own workers.
2. Whatever processes are left after that are killed: a worker that was interrupted between its start and its entry
   into its pool is known to no pool.
3. Python runs a handler only between two instructions, so a long call into a library delays it, and some libraries
   swallow the exception. A thread that sees the signal at once ends the process after a while.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 4.0  # seconds that cleanup may take before the children are killed
LAST = 1.0  # seconds that it may take after that: what waited for a child goes on


@contextmanager
def exit_on_stop(describe: Callable[[], str]) -> Iterator[None]:
    """End the process on SIGINT, SIGTERM or SIGHUP during the block: exit code 130, 143 or 129, and one line on stderr.

    For the entry of a command line, which owns its process. A signal that is ignored stays ignored, as `nohup` wants.
    A signal after the block lets the process end as it would.

    Args:
        describe: returns what follows "stopped by SIGTERM" in that line.
    """
    stop = _Stop(describe)
    stop.watch_signals()
    try:
        yield
    finally:
        stop.is_over = True
        if stop.number:
            stop.report(stop.number)
            kill_children()
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)  # Python sets its own handlers back before it ends
            raise SystemExit(128 + stop.number) from None


def kill_children() -> None:
    """Kill every process that this process has started, and theirs, except the trackers of semaphores.

    A tracker ends by itself with its process, and removes what that left behind.
    """
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "resource_tracker" not in " ".join(child.cmdline()):
                child.kill()


@contextmanager
def delay_stop() -> Iterator[None]:
    """Let a signal end the command after the block, which makes what must not be left half made.

    A semaphore that is interrupted between its creation and its entry into the tracker stays on the machine. In other
    threads than the main one nothing happens, because Python runs no handler there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _delays.append(None)
    try:
        yield
    finally:
        _delays.pop()
        if _waiting and not _delays:
            raise SystemExit(128 + _waiting.pop())


_delays: list[None] = []  # one entry per block that is being run
_waiting: list[int] = []  # the signal that came meanwhile


class _Stop:
    """State of the end of a process by a signal."""

    def __init__(self, describe: Callable[[], str]) -> None:
        self.number = 0  # of the signal that came first
        self.is_over = False
        self._describe = describe
        self._reporting = threading.Lock()

    def watch_signals(self) -> None:
        """Set the handlers, and start the thread that sees a signal even if no handler can run."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        ours = [one for one in ENDING if signal.getsignal(one) in (signal.SIG_DFL, signal.default_int_handler)]
        for number in ours:
            signal.signal(number, self._raise)
        _reset_in_forks(ours)
        threading.Thread(target=self._watch, args=(reader, ours), name="watch-signals", daemon=True).start()

    def report(self, number: int) -> None:
        """Print the one line, unless it has been printed."""
        if not self._reporting.acquire(blocking=False):
            return
        _print_last(f"stopped by {signal.Signals(number).name}{self._describe()}")

    def _raise(self, number: int, frame: FrameType | None) -> None:
        """Raise once: a second signal must not interrupt the cleanup, which the watching thread limits."""
        if not self.number and not self.is_over:
            self.number = number
            if _delays:
                _waiting.append(number)
            else:
                raise SystemExit(128 + number)

    def _watch(self, reader: int, ours: list[signal.Signals]) -> None:
        number = 0
        while number not in ours:
            number = os.read(reader, 1)[0]
        threading.Event().wait(GRACE)
        self.report(self.number or number)
        with suppress(Exception):  # nothing may keep the process
            kill_children()
        threading.Event().wait(LAST)
        os._exit(128 + (self.number or number))


def _reset_in_forks(numbers: list[signal.Signals]) -> None:
    """Give forked children, such as torch's for loading data, the default handlers: their signals are not ours.

    The signals are blocked during a fork: one that came before the reset would be taken for one of this process.
    """
    thread = threading.local()

    def block() -> None:
        thread.mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, thread.mask)

    def reset() -> None:
        signal.set_wakeup_fd(-1)
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        unblock()

    os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=reset)


def _print_last(line: str) -> None:
    """Print to stderr, and give both streams an open end if theirs is gone: Python would exit with code 120.

    The terminal that sent SIGHUP no longer takes a line, nor does the pipe of a reader that the same Ctrl-C ended.
    """
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr)
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)

"""Run a function in several fresh processes that end with this one, and pass on what they say."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import psutil
import torch
from torch.multiprocessing import start_processes

from featurestore.engines.signals import block_hangup
from featurestore.errors import Problem, Unavailable, summarize_error
from featurestore.progress import Say

_SETTLE = 0.5  # seconds in which a process that has ended is noticed, after another has failed because of it

# What a process computes: its number from 0, the job of all, and what receives its lines for the user.
Work = Callable[[int, Any, Say], Any]


@dataclass(frozen=True)
class ProcessResult:
    """What a process has computed."""

    value: Any


@dataclass(frozen=True)
class ProcessFailure:
    """Why a process has failed."""

    error: Exception


def run_processes(work: Work, job: Any, count: int, say: Say) -> Any:
    """Run a function in fresh processes, until all have returned or one has failed.

    Args:
        work: a function of a module, which the processes import.
        job: its argument, which is copied to them.
        count: number of processes.
        say: receives their lines.

    Returns:
        What it returns in the first process.

    Raises:
        Unavailable: a process has ended by itself.
        Exception: the first error that the function raises in a process, of the kinds that `_simplify` passes on.
    """
    ours, theirs = zip(*(multiprocessing.Pipe() for _ in range(count)), strict=True)
    processes: Sequence[Any] = ()
    try:
        with block_hangup(), _quiet():  # the tracker of semaphores starts here
            given = (work, job, theirs, _find_start_method())
            context = start_processes(_run, given, nprocs=count, join=False, start_method="spawn")
        processes = context.processes
        for connection in (*theirs, *ours):
            connection.send(None) if connection in ours else connection.close()
        return _listen(processes, ours, say)
    finally:
        _end(processes)
        for connection in (*ours, *theirs):
            connection.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Have the processes that are started keep torch's advice on its own source off the user's terminal."""
    level = "TORCH_CPP_LOG_LEVEL"
    if level in os.environ:
        yield
        return
    os.environ[level] = "ERROR"
    try:
        yield
    finally:
        os.environ.pop(level, None)


def _listen(processes: Sequence[Any], connections: Sequence[Connection], say: Say) -> Any:
    """Pass on lines until all processes have returned."""
    results: dict[int, Any] = {}
    while len(results) < len(connections):
        waiting = [connection for number, connection in enumerate(connections) if number not in results]
        for connection in wait(waiting):
            number = connections.index(connection)
            message = _receive(connections[number], processes)
            if isinstance(message, ProcessResult):
                results[number] = message.value
            else:
                say(message)
    return results[0]


def _receive(connection: Connection, processes: Sequence[Any]) -> Any:
    """Receive a line or a result.

    Raises:
        Unavailable: a process has ended by itself.
        Exception: the process has failed.
    """
    try:
        message = connection.recv()
    except (EOFError, ConnectionError):
        message = None
    if message is None or isinstance(message, ProcessFailure):
        ended = _find_ended(processes)
        if ended is not None:  # the failure of another may be the mere consequence
            raise _explain_end(ended.exitcode)
        raise _explain_end(0) if message is None else message.error
    return message


def _find_ended(processes: Sequence[Any]) -> Any:
    """Find a process that has ended by itself and without success, or return None."""
    closed = wait([process.sentinel for process in processes], _SETTLE)
    for process in processes:
        if process.sentinel in closed:  # its files are closed shortly before it has ended
            process.join(_SETTLE)
    return next((process for process in processes if process.exitcode), None)


def _explain_end(code: int) -> Unavailable:
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    killed = "if memory ran out, lower --micro-batch or --processes"
    script = 'call it below `if __name__ == "__main__":` if this is a script'
    return Unavailable(
        f"a process of the training {how}",
        do=f"{killed if code < 0 else script}; the same command resumes from the last saved state",
    )


def _end(processes: Sequence[Any]) -> None:
    """End processes and those that they have started."""
    started = []
    for process in processes:
        with suppress(psutil.Error):
            started += psutil.Process(process.pid).children(recursive=True)
        process.kill()
    for child in started:
        with suppress(psutil.Error):
            child.kill()
    for process in processes:
        process.join()


def _find_start_method() -> str:
    """Find how a process of this program starts others by default."""
    return multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]


def _run(number: int, work: Work, job: Any, connections: Sequence[Connection], method: str) -> None:
    """Run the function in its process, once all processes have been started."""
    multiprocessing.set_start_method(method, force=True)  # else its workers that load data would take seconds to start
    # torch has the kernel send this signal when the parent ends. No handler of Python has to run for it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for other in (*connections[:number], *connections[number + 1 :]):
        other.close()
    connection = connections[number]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # gloo writes there, and the answer of the command belongs there
    with suppress(EOFError, ConnectionError):  # the parent has ended
        connection.recv()
        try:
            connection.send(ProcessResult(work(number, job, connection.send)))
        except Exception as error:
            connection.send(ProcessFailure(_simplify(error)))
            connection.recv()  # until it is ended: the others would fail on its absence


def _simplify(error: Exception) -> Exception:
    """Return an error that can be copied to another process."""
    if isinstance(error, (Problem, OSError, torch.OutOfMemoryError)):
        return error
    return RuntimeError(summarize_error(error))

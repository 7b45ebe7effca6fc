"""Start processes from a server that has loaded torch and transformers once: that takes milliseconds, not seconds."""

import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from featurestore.engines import Engine, WorkerFailure, WorkerPool

ROOT = Path(__file__).parents[2]
PRELOADED = ["tests.support.preloaded"]


class Done(NamedTuple):
    """A program that has ended."""

    returncode: int
    stdout: str
    stderr: str


def prepare() -> ForkServerContext:
    """Return what starts processes from the server, which begins with the first of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def start(function: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Call a function of a module in a process of its own."""
    process = prepare().Process(target=function, args=arguments)
    process.start()
    return process


@contextmanager
def open_pool(engine: Engine) -> Iterator[WorkerPool]:
    """Replace loky's function: work runs in processes that are started from the server."""
    with ProcessPoolExecutor(engine.jobs, mp_context=prepare()) as executor:
        yield WorkerPool(executor, lambda: engine.jobs, WorkerFailure("", ""), lambda error: None)


def start_together(*arguments: Any, start_method: str, **options: Any) -> Any:
    """Replace torch's `start_processes`, with another start method."""
    from torch.multiprocessing import start_processes

    prepare()
    return start_processes(*arguments, start_method="forkserver", **options)


def start_program(
    function: Callable[..., None],
    *words: Any,
    output: Path,
    environment: Mapping[str, str] | None = None,
) -> BaseProcess:
    """Call a function as a program does that leads a session, by which its processes can be found.

    Args:
        function: is given the words, and ends or calls `sys.exit`.
        output: folder of what it prints, `stdout` and `stderr`; existing files are continued.
        environment: its environment; if None, that of the tests.
    """
    return start(_run_program, function, list(map(str, words)), output, environment and dict(environment))


def run_program(function: Callable[..., None], *words: Any, **options: Any) -> Done:
    """Call a function as a program does, and wait for its end. The options are those of `start_program`."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        process = start_program(function, *words, output=output, **options)
        process.join()
        assert process.exitcode is not None
        return Done(process.exitcode, (output / "stdout").read_text("utf-8"), (output / "stderr").read_text("utf-8"))


def run_command(*words: str) -> None:
    """Run a command of the command line as its entry point does."""
    import cli

    sys.argv = ["cli", *words]
    sys.exit(cli.main())


def _run_program(
    function: Callable[..., None], words: list[str], output: Path, environment: Mapping[str, str] | None
) -> None:
    os.setsid()
    os.chdir(ROOT)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under `nohup`
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None  # TMPDIR may have changed
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(output / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    _start_own_tracker()
    code = 0
    try:
        function(*words)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException:
        traceback.print_exc()
        code = 1
    # End the interpreter as that of a program: the end of multiprocessing's processes skips what is left to `atexit`.
    ctypes.pythonapi.Py_Exit(code)


def _start_own_tracker() -> None:
    """Start the process that removes the semaphores of this one, in place of that of the tests, which outlives it."""
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, resource_tracker.getfd())  # as if that of the tests had died
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        resource_tracker.ensure_running()

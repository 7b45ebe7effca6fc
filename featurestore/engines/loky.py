"""Start worker processes of one thread each on this machine, with loky.

One job runs in a worker process too, so that running out of memory ends in a message instead of ending the command,
and the coordinator loads no network. This costs the start of one process, about a second: torch is loaded there
instead of here.
"""

import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from featurestore import plugins
from featurestore.engines.signals import block_hangup
from featurestore.engines.stop import delay_stop
from featurestore.engines.threads import ONE_THREAD
from featurestore.engines.worker_pool import WorkerFailure, WorkerPool
from featurestore.errors import Unavailable
from featurestore.networks.device import count_cores

if TYPE_CHECKING:
    from featurestore.engines import Engine

_IDLE = 300  # seconds that idle workers wait for the next encoder or phase; their libraries stay loaded
# loky replaces a worker that has grown since its first task. Its own limit of 300 MB is less than torch, which a
# worker may load after it.
_ENVIRONMENT = {**ONE_THREAD, "LOKY_MAX_MEMORY_LEAK_SIZE": "1e9"}


@contextmanager
def open_pool(engine: "Engine") -> Iterator[WorkerPool]:
    """Start worker processes, or reuse those of the last block, and yield them.

    They are kept for the next block of this process, and end with the process, even if it is killed. A block that
    raises ends them at once.

    Raises:
        Unavailable: the current folder has been removed.
    """
    from loky import get_reusable_executor

    jobs = engine.jobs or count_cores()
    with warnings.catch_warnings():
        # Nothing is lost when loky replaces a worker.
        warnings.filterwarnings("ignore", "A worker (stopped|was restarted) while some jobs were given", UserWarning)
        # Another environment starts new workers. Those that started before a plug-in was added would not find it; those
        # of another folder would read relative paths there, and MKL ends a process whose folder has been removed.
        environment = {**_ENVIRONMENT, plugins.VARIABLE: os.environ.get(plugins.VARIABLE, ""), "PWD": _current_folder()}
        with block_hangup(), delay_stop():  # the tracker of semaphores starts here
            executor = get_reusable_executor(
                jobs, timeout=_IDLE, initializer=_initialize, initargs=(os.getpid(),), env=environment
            )
        others = {child.pid for child in multiprocessing.active_children()}
        try:
            death = WorkerFailure(
                "a worker process died, likely out of memory",
                "use --jobs 1, which needs the least memory" if jobs > 1 else "use a machine with more memory",
            )
            yield WorkerPool(executor, lambda: jobs, death, lambda error: death if _is_death(error) else None)
        except BaseException:
            executor.shutdown(wait=True, kill_workers=True)
            _kill_strays(others)
            raise


def _current_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise Unavailable(
            "the current folder has been removed, and worker processes cannot start in it",
            do="change to a folder that exists, then run the same command again",
        ) from None


def _kill_strays(others: set[int | None]) -> None:
    """Kill workers that loky does not know, because a signal came between their start and their entry into the pool."""
    for child in multiprocessing.active_children():
        if child.name.startswith("LokyProcess") and child.pid not in others:
            child.kill()


def _is_death(error: BaseException) -> bool:
    from loky.process_executor import TerminatedWorkerError

    return isinstance(error, TerminatedWorkerError)


def _initialize(parent: int) -> None:
    """Leave Ctrl-C to the parent process, which ends its workers, and exit if the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    threading.Thread(target=_exit_with, args=(parent,), daemon=True).start()


def _exit_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

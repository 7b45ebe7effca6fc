"""Worker processes of one thread each on this machine, started by loky.

One job is a worker process too: a part that needs more memory than there is ends in a message and not with the
command, and the coordinator loads no network. The price is the start of one process, about a second, because torch is
then loaded there and not here.
"""

import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from featurestore.engines._workers import Loss, Workers
from featurestore.networks.device import cores

if TYPE_CHECKING:
    from featurestore.engines import Engine

_IDLE = 300  # seconds that workers wait for the next encoder or phase of this process; they have its libraries loaded
_THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "NUMEXPR")
# loky replaces a worker that has grown since its first task. Its own limit of 300 MB is less than torch, which a
# worker may load after it.
_ENVIRONMENT = {
    **{f"{library}_NUM_THREADS": "1" for library in _THREADS},
    "VECLIB_MAXIMUM_THREADS": "1",
    "LOKY_MAX_MEMORY_LEAK_SIZE": "1e9",
}


@contextmanager
def running(engine: "Engine") -> Iterator[Workers]:
    """Start worker processes, or take those that the last block has left, and yield them.

    They are kept for the next block of this process, and end with the process whatever ends it. A block that ends in
    an exception ends them at once.
    """
    from loky import get_reusable_executor

    jobs = engine.jobs or cores()
    with warnings.catch_warnings():
        # Nothing is lost when loky replaces a worker.
        warnings.filterwarnings("ignore", "A worker (stopped|was restarted) while some jobs were given", UserWarning)
        executor = get_reusable_executor(
            jobs, timeout=_IDLE, initializer=_begin, initargs=(os.getpid(),), env=_ENVIRONMENT
        )
        try:
            death = Loss(
                "a worker process died, most likely for want of memory",
                "--jobs 1 needs the least memory" if jobs > 1 else "it needs a machine with more memory",
            )
            yield Workers(executor, lambda: jobs, death, lambda error: death if _is_death(error) else None)
        except BaseException:
            executor.shutdown(wait=True, kill_workers=True)
            raise


def _is_death(error: BaseException) -> bool:
    from loky.process_executor import TerminatedWorkerError

    return isinstance(error, TerminatedWorkerError)


def _begin(parent: int) -> None:
    """Leave Ctrl-C to the parent, which ends its workers, and end with a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

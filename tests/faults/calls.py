"""Calls for workers that fail in every way, and a program that waits for such calls until it is ended from outside."""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from featurestore.engines import Engine
from featurestore.engines.dispatch import dispatch
from featurestore.errors import UnknownName


def process(_number):
    """The process that runs the call."""
    return os.getpid()


def double(number):
    """A call that succeeds."""
    return 2 * number


def die(_number):
    """A call that kills every worker that takes it."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(number, folder):
    """A call that kills the first worker that takes one, in the middle of the work."""
    with suppress(FileExistsError), (Path(folder) / "killed").open("x") as file:
        file.write(str(os.getpid()))
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def kill(_number, other):
    """A call in the middle of which another process is killed."""
    os.kill(other, signal.SIGKILL)
    time.sleep(600)


def refuse(number):
    """A call that fails with an error for users; the others would take long."""
    if number:
        time.sleep(600)
    raise UnknownName("unknown thing 'x'", expected="one of y, z", do="did you mean y?")


def threads(_number):
    """How many threads the numeric libraries of a worker use."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    return sorted({library["num_threads"] for library in threadpool_info()})


def send(_number, other, number, folder):
    """A call that sends a signal to another process once both workers are at work, and never ends by itself."""
    (Path(folder) / str(os.getpid())).touch()
    while len(list(Path(folder).iterdir())) < 2:
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.kill(other, number)
    time.sleep(600)


def main(engine, number, folder):
    """Has two workers wait for each other, then send this process a signal."""
    from tests.faults import calls  # workers find what they are handed under this name only

    tasks = [(index, os.getpid(), int(number), folder) for index in range(2)]
    with Engine(engine, 2).running() as workers:
        list(dispatch(workers, calls.send, tasks, say=print))


if __name__ == "__main__":
    main(*sys.argv[1:])

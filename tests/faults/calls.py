"""Calls that make workers fail, and a program that waits for such calls until it is killed."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from featurestore.engines import Engine
from featurestore.engines.dispatch import dispatch
from featurestore.errors import UnknownName


def get_process(_number):
    """Return the id of the process that runs the call."""
    return os.getpid()


def get_folder(_number):
    """Return the folder that the call's relative paths start at."""
    return Path.cwd()


def die(_number):
    """Kill every worker that runs this."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(number, folder):
    """Kill the first worker that runs this, and succeed in the others."""
    with suppress(FileExistsError), (Path(folder) / "killed").open("x") as file:
        file.write(str(os.getpid()))
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def kill_other(_number, other):
    """Kill another process, then wait."""
    os.kill(other, signal.SIGKILL)
    time.sleep(600)


def reject(number):
    """Raise an error for users in the first call, and wait in the others."""
    if number:
        time.sleep(600)
    raise UnknownName("unknown thing 'x'", expected="one of y, z", do="did you mean y?")


def count_threads(_number):
    """Return how many threads the numeric libraries of a worker use."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    return sorted({library["num_threads"] for library in threadpool_info()})


def send_signal(_number, other, number, folder):
    """Send a signal to another process once both workers run, then wait."""
    (Path(folder) / str(os.getpid())).touch()
    while len(list(Path(folder).iterdir())) < 2:
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.kill(other, number)
    time.sleep(600)


def main(engine, number, folder):
    """Run two workers that wait for each other and then send this process a signal."""
    tasks = [(index, os.getpid(), int(number), folder) for index in range(2)]
    with Engine(engine, 2).open_pool() as pool:
        list(dispatch(pool, send_signal, tasks, say=print))

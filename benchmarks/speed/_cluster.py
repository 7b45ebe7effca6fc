"""Start a dask scheduler and workers as separate processes that talk over TCP."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from featurestore.engines import Engine
from featurestore.engines.threads import ONE_THREAD

_START = 300.0  # seconds that a process may take to start on a busy machine
_END = 20.0  # seconds that it may take to end by itself


@contextmanager
def open_cluster(folder: Path, workers: int) -> Iterator[Engine]:
    """Start a cluster for the block, and yield the engine that works on it.

    Args:
        folder: where its files go.
        workers: processes of one thread each.

    Raises:
        TimeoutError: the scheduler or a worker does not start.
    """
    from distributed import Client

    folder.mkdir(parents=True)
    file = folder / "scheduler.json"
    running = [_start(file, "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")]
    try:
        address = _read_address(file)
        options = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(folder))
        running += [_start(file, "dask_worker", *options) for _ in range(workers)]
        with Client(address, set_as_default=False, timeout=_START) as client:
            client.wait_for_workers(workers, timeout=_START)
        yield Engine("dask", scheduler=address, device="cpu")
    finally:
        for process in reversed(running):  # the workers first: one whose scheduler is gone may wait for it
            _end(process)


def _start(file: Path, program: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{program}", "--scheduler-file", str(file), *options]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read_address(file: Path) -> str:
    end = time.monotonic() + _START
    while time.monotonic() < end:
        with suppress(OSError, ValueError):  # missing or half written
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.1)
    raise TimeoutError(f"no dask scheduler has written {file}")

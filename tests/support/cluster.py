"""Start a dask cluster of separate processes, which are reached over TCP and end with the test."""

import json
import os
import time
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

import psutil
import pytest

from featurestore.engines import Engine
from tests.support import fork_server

START = 200  # seconds that a process may take to start on a busy machine
needs_dask = pytest.mark.skipif(not find_spec("distributed"), reason="needs pip install 'emofuse[dask]'")


def _run_dask(program, failures, *options):
    """Run a program of dask as its entry point does."""
    import dask

    dask.config.set({"distributed.scheduler.allowed-failures": int(failures)})
    import_module(f"distributed.cli.{program}").main(list(options))


class Cluster:
    """Scheduler process, at first without workers.

    Args:
        folder: where its files go.
        failures: how many workers one call may kill before dask gives it up.
    """

    def __init__(self, folder, failures=3):
        self.folder, self.file, self._processes = folder, folder / "scheduler.json", []
        self._failures = failures
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.address = self._read_address()

    def engine(self):
        """Return the engine that works on this cluster."""
        return Engine("dask", scheduler=self.address)

    def add(self, count=1, *, nanny=False):
        """Start workers, wait for them and return their process ids. Only a nanny restarts a dead worker."""
        from distributed import Client

        options = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder))
        for _ in range(count):
            self._start("dask_worker", *options, "--nanny" if nanny else "--no-nanny")
        with Client(self.address, set_as_default=False, timeout=START) as client:
            client.wait_for_workers(count, timeout=START)
            return sorted(client.run(os.getpid).values())

    def close(self):
        """Kill every process of the cluster."""
        for process in self._processes:
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        child.kill()
            process.kill()
            process.join()

    def _start(self, program, *options):
        words = (program, self._failures, "--scheduler-file", self.file, *options)
        process = fork_server.start_program(_run_dask, *words, output=self.folder)
        self._processes.append(process)
        return process.pid

    def _read_address(self):
        end = time.monotonic() + START
        while time.monotonic() < end:
            with suppress(OSError, ValueError):  # missing or half written
                return json.loads(self.file.read_text())["address"]
            time.sleep(0.1)
        raise TimeoutError((self.folder / "stderr").read_text())

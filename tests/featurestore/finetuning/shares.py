"""What processes do in tests of shared training: they import this module, which is light."""

import multiprocessing
import os
import time
from pathlib import Path

import torch

from featurestore.engines.stop import exit_on_stop
from featurestore.errors import BadValue
from featurestore.finetuning.processes import run_processes


def refuse_in_process_1(process, folder, say):
    """Fail in the second process once the first one has said something, which then works on."""
    (folder / str(os.getpid())).touch()
    if not process:
        say(f"here is process {process}, which starts others by {multiprocessing.get_start_method()}")
        (folder / "said").touch()
        time.sleep(600)
    while not (folder / "said").exists():
        time.sleep(0.01)
    (folder / "said").unlink()
    raise BadValue("no", got=f"process {process}")


def lack_memory_in_process_1(process, folder, say):
    """Fail for want of memory in the second process."""
    if process:
        raise torch.OutOfMemoryError("CUDA out of memory")
    time.sleep(600)


def sleep(process, folder, say):
    """Leave a sign, and stay in one call for a long time."""
    (folder / str(os.getpid())).touch()
    time.sleep(600)


def start_sleepers(folder):
    """Start two processes that sleep, as a command does."""
    with exit_on_stop(str):
        run_processes(sleep, Path(folder), 2, print)

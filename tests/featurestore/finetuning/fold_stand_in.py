"""Stand in for the task of a worker that fine-tunes on one fold. The worker loads no network for it."""

import os
import signal
import time
from types import SimpleNamespace

from featurestore.finetuning.worker_lines import open_lines


def write_or_die(job, fold, out, lines, threads):
    """Stand in for fine-tuning: finish fold 0, and die once in fold 1, after fold 0 is finished."""
    died = out.parent / "died"
    with open_lines(lines) as say:
        say(f"{threads} threads")
    if fold.name == "1" and not died.exists():
        while not (out.parent / "0").exists():
            time.sleep(0.05)
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    is_new = not out.exists()
    out.mkdir(exist_ok=True)
    return SimpleNamespace(folder=out, record={"process": os.getpid()}, fresh=is_new)


def wait_for_ever(job, fold, out, lines, threads):
    """Stand in for fine-tuning that is stopped: leave the id of the process, and do not return."""
    with open_lines(lines) as say:
        say("training")
        lines.with_name(f".{os.getpid()}.pid").touch()
        time.sleep(600)

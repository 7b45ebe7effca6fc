"""Run a command as its entry point does, with small parts, a sign of its work, and workers that can be made to hang."""

import hashlib
import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

from featurestore import encoders
from featurestore.engines import loky
from featurestore.extraction import partition, worker
from tests.faults import letters
from tests.support import fork_server, inline

_load = encoders.load


def run(sign: str, *arguments: str) -> None:
    """Run a command that is to be stopped, or one that continues.

    Args:
        sign: a file that is made when the work begins, of a command whose workers hang after a few parts; or "", of a
            command that does its work in its own process, which has loaded the libraries.
        arguments: words of the command.
    """
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    partition.PART_UTTERANCES = 2
    worker.encode_part = letters.encode_part  # workers that load no torch start at once
    if sign:
        encoders.load = partial(load, sign=Path(sign))
        worker.encode_part = encode_part
    else:
        loky.open_pool = inline.open_pool_here
    fork_server.run_command(*arguments)


def end_with(parent: int) -> None:
    """Kill the command and its workers if the test ends before them."""
    while os.getppid() == parent:
        time.sleep(1)
    os.killpg(0, signal.SIGKILL)


def load(identity, device, sign):
    """Load an encoder, and leave a sign that the work begins."""
    sign.touch()
    return _load(identity, device)


def encode_part(task: worker.PartTask) -> worker.PartResult:
    """Encode a part. Once some are on disk, stay in one call into a library, in which Python runs no handler."""
    if len(list(task.path.parent.glob("[!.]*.h5"))) < 3:
        return letters.encode_part(task)
    (task.path.parent / f"{os.getpid()}.stuck").touch()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
    raise AssertionError

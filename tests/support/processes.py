"""Wait for processes, and find those of a session."""

import os
import time
from contextlib import suppress

import psutil


def find_session(leader):
    """Find the living processes of a program and of those that have not left its session."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_until(is_so, seconds):
    """Wait for something that another process brings about."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)

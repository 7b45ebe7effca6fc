"""Let two threads take turns at one network, so that a GPU has the next batch before it has finished the last.

A thread has the turn while it prepares a batch and launches the network. It passes the turn on while it waits for the
GPU. So the network, which is no thread's own, never runs in two threads at once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.Lock()
_thread = threading.local()


@contextmanager
def take_turn() -> Iterator[None]:
    """Have the turn for the block, except while it is passed on."""
    with _turn:
        _thread.has_turn = True
        try:
            yield
        finally:
            _thread.has_turn = False


@contextmanager
def pass_turn() -> Iterator[None]:
    """Let another thread have the turn during the block. Nothing happens in a thread that does not have it."""
    if not getattr(_thread, "has_turn", False):
        yield
        return
    _turn.release()
    try:
        yield
    finally:
        _turn.acquire()

"""Stopwatches: of the clock, and of the processor."""

import time
from collections.abc import Callable
from typing import Any


def time_call(function: Callable[[], Any]) -> float:
    """Return the seconds of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def time_processor(function: Callable[[], Any]) -> float:
    """Return the seconds of the processor, of all threads, that one call takes. Other programs disturb them less."""
    started = time.process_time()
    function()
    return time.process_time() - started

"""A stopwatch."""

import time
from collections.abc import Callable
from typing import Any


def time_call(function: Callable[[], Any]) -> float:
    """Return the seconds of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started

"""A stopwatch."""

import time
from collections.abc import Callable
from typing import Any


def timed(function: Callable[[], Any]) -> float:
    """Seconds that one call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started

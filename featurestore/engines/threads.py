"""Limit the threads of numeric libraries: several processes of one thread each, or one process of a known number.

On a busy machine two threads of one process wait for each other, two processes do not.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_LIBRARIES = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "NUMEXPR")

# Environment variables of a process whose libraries use one thread from the start.
ONE_THREAD = {**{f"{library}_NUM_THREADS": "1" for library in _LIBRARIES}, "VECLIB_MAXIMUM_THREADS": "1"}


@contextmanager
def limit_threads(count: int) -> Iterator[None]:
    """Limit every numeric library to a number of threads for the block.

    Torch is limited only if it is imported already.

    Args:
        count: threads of each library, at least 1.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0  # read first: the limits below change what torch answers
    with threadpool_limits(count):
        if torch:
            torch.set_num_threads(count)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


@contextmanager
def limit_torch_threads(count: int) -> Iterator[None]:
    """Import torch and limit it alone to a number of threads for the block.

    Args:
        count: threads within one operation, at least 1.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""Thread counts set deliberately: several processes of one thread each, or one process of a known number of threads."""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits

from featurestore.device import cores


def each(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    """Calls a function with each task's arguments and gives the answers in order, as soon as each is there.

    Several tasks run in worker processes of one thread each, as many as there are cores: on a busy machine two
    threads of one process wait for each other, two processes do not. A single task runs here.
    """
    if len(tasks) == 1:
        with threads(1):
            yield function(*tasks[0])
        return
    with (
        warnings.catch_warnings(),
        parallel_config("loky", n_jobs=min(len(tasks), cores()), inner_max_num_threads=1),
    ):
        # loky takes a worker that has loaded torch since its first task for a leaking one, and replaces it
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
        yield from Parallel(return_as="generator")(delayed(function)(*task) for task in tasks)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Limits every numeric library, torch too where it is loaded already, to so many threads for the block."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    with threadpool_limits(count):
        if torch:
            torch.set_num_threads(count)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)

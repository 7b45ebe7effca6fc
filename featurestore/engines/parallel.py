"""Run a function on many tasks in worker processes of one thread each, and return the answers in order."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from featurestore.engines import Engine
from featurestore.engines.dispatch import dispatch
from featurestore.engines.threads import limit_threads
from featurestore.networks.device import count_cores
from featurestore.progress import Say

_one_call = threading.Lock()  # a cluster's worker may have several threads; thread limits apply to its whole process


def run_each(
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    engine: Engine | None = None,
    *,
    say: Say = lambda line: None,
    resumable: bool = False,
) -> Generator[Any, None, None]:
    """Call a function with each task's arguments, and yield the answers in the tasks' order as they arrive.

    The calls run in worker processes of one thread each, at most one per core. A single task without a cluster runs in
    this process instead: starting a worker would take longer than most tasks. On a cluster
    a single task runs in a worker too.

    Args:
        function: importable by the workers.
        tasks: the arguments of each call.
        engine: where the calls run; by default on this machine.
        say: receives a line if no worker is left, and another when one is back.
        resumable: whether finished calls leave their answers on disk, for the message if a worker dies.

    Raises:
        Unavailable: a worker died for good, or there was none for a minute.
    """
    engine = engine or Engine()
    if len(tasks) == 1 and engine.local:
        with limit_threads(1):
            yield function(*tasks[0])
        return
    if not tasks:
        return
    jobs = min(len(tasks), engine.jobs or count_cores())
    with replace(engine, jobs=jobs).open_pool() as pool:
        call, arguments = (function, tasks) if engine.local else (_run_alone, [(function, *task) for task in tasks])
        yield from _sort(dispatch(pool, call, arguments, say=say, resumable=resumable))


def _sort(answers: Iterable[tuple[int, Any]]) -> Iterator[Any]:
    """Yield the answers by number, and hold back each one that comes early."""
    early: dict[int, Any] = {}
    expected = 0
    for number, answer in answers:
        early[number] = answer
        while expected in early:
            yield early.pop(expected)
            expected += 1


def _run_alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a cluster's worker, with one thread, and no other call in its process meanwhile."""
    with _one_call, limit_threads(1):
        return function(*arguments)

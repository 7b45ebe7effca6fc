"""Thread counts set deliberately: several processes of one thread each, or one process of a known number of threads."""

import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from threadpoolctl import threadpool_limits

from featurestore.engines import Engine
from featurestore.engines.dispatch import dispatch
from featurestore.networks.device import cores

_one_call = threading.Lock()  # a cluster's worker may have several threads; thread limits are those of its process


def each(
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    engine: Engine | None = None,
    *,
    say: Callable[[str], None] = lambda line: None,
    kept: bool = False,
) -> Generator[Any, None, None]:
    """Call a function with each task's arguments and yield the answers in order, as soon as each is there.

    The calls run in worker processes of one thread each, as many as there are cores: on a busy machine two threads of
    one process wait for each other, two processes do not. Only a single task without a cluster runs in this process:
    nothing runs beside it, and the start of a worker takes longer than most fits. On a cluster a single task, too, runs
    in a worker.

    Args:
        function: importable by the workers.
        tasks: its arguments, once for each call.
        engine: where they run; by default here.
        say: is told when no worker is left.
        kept: whether finished calls leave their answers on disk, for the message of a worker that died.

    Raises:
        Unavailable: a worker died for good, or none was there for a while.
    """
    engine = engine or Engine()
    if len(tasks) == 1 and engine.local:
        with threads(1):
            yield function(*tasks[0])
        return
    if not tasks:
        return
    jobs = min(len(tasks), engine.jobs or cores())
    with replace(engine, jobs=jobs).running() as workers:
        call, arguments = (function, tasks) if engine.local else (_alone, [(function, *task) for task in tasks])
        yield from _in_order(dispatch(workers, call, arguments, say=say, kept=kept))


def _in_order(answers: Iterable[tuple[int, Any]]) -> Iterator[Any]:
    """Yield the answers by number; one that comes early waits."""
    early: dict[int, Any] = {}
    number = 0
    for found, answer in answers:
        early[found] = answer
        while number in early:
            yield early.pop(number)
            number += 1


def _alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a cluster's worker, with one thread and nothing beside it in its process."""
    with _one_call, threads(1):
        return function(*arguments)


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

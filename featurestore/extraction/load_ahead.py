"""Load utterances in order, ahead of the encoder where loading waits or a GPU would."""

import resource
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from featurestore.extraction.partition import Work
from featurestore.networks.device import count_cores

# Seconds that loading one utterance must wait for storage, on average over at least so many, to be worth a thread. A
# thread on a core that also encodes was measured to cost about 1 ms for each clip, more than decoding a short one.
_WORTH, _FEWEST = 2e-3, 8

_SHORTEST = 5.0  # seconds that a clip counts at least, because spectra of one length are as large as a longer clip


@dataclass(frozen=True)
class Ahead:
    """How far loading runs ahead.

    Args:
        threads: that load at once.
        utterances: that are loaded or being loaded at most, and not taken yet.
        seconds: of audio in them at most, unless one clip alone is longer.
    """

    threads: int
    utterances: int
    seconds: float


def choose_ahead(device: str, modality: str) -> Ahead:
    """Choose how far loading runs ahead of a device.

    A core encodes slower than one thread decodes, and loads ahead only where loading waits. A GPU needs several threads
    for clips, and the whole next group of batches. Tokenizing is quick and holds Python's lock, so more threads would
    not help it.
    """
    if device == "cpu":
        return Ahead(1, 8, float("inf"))
    return Ahead(min(8, count_cores()) if modality == "audio" else 1, 2048, 1200.0)


def load_in_order(
    load: Callable[[Work], Any], work: Sequence[Work], device: str, modality: str
) -> Iterator[Callable[[], Any]]:
    """Yield functions that return the loads in order, or raise what loading raised.

    Args:
        load: reads one utterance; several threads may call it at once.
        work: the utterances.
        device: of the encoder.
        modality: of the encoder.
    """
    ahead = choose_ahead(device, modality)
    if device == "cpu":
        yield from load_on_demand(load, work, ahead)
    else:
        yield from (future.result for future in load_ahead(load, work, ahead))


def load_on_demand(load: Callable[[Work], Any], work: Sequence[Work], ahead: Ahead) -> Iterator[Callable[[], Any]]:
    """Yield functions that load one utterance each, until loading turns out to wait: the rest is loaded ahead.

    Args:
        load: reads one utterance.
        work: the utterances; each must be loaded before the next is asked for.
        ahead: how far loading runs ahead once it waits.
    """
    waits: list[float] = []
    for done, one in enumerate(work):
        if sum(waits) > _WORTH * max(_FEWEST, done):
            yield from (future.result for future in load_ahead(load, work[done:], ahead))
            return
        yield partial(_load_timed, load, one, waits)


def _load_timed(load: Callable[[Work], Any], one: Work, waits: list[float]) -> Any:
    """Load one utterance, and note the seconds that this thread waited meanwhile."""
    pauses, begun = _count_pauses(), time.perf_counter() - time.thread_time()
    try:
        return load(one)
    finally:
        if _count_pauses() > pauses:  # else other programs took the core, which a thread would not help
            waits.append(time.perf_counter() - time.thread_time() - begun)


def _count_pauses() -> int:
    """Count how often this thread, or the process where they are not told apart, has given up its core to wait."""
    return resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)).ru_nvcsw


def load_ahead(load: Callable[[Work], Any], work: Sequence[Work], ahead: Ahead) -> Iterator[Future[Any]]:
    """Yield the loads in order, and start only a few ahead, so that memory stays bounded.

    Args:
        load: reads one utterance; several threads call it at once.
        work: the utterances.
        ahead: how many are started before they are taken.
    """
    started: deque[tuple[Future[Any], float]] = deque()
    waiting, seconds = deque(work), 0.0
    with ThreadPoolExecutor(ahead.threads) as pool:
        try:
            while waiting or started:
                while waiting and _has_room(ahead, len(started), seconds + _count(waiting[0])):
                    one = waiting.popleft()
                    started.append((pool.submit(load, one), _count(one)))
                    seconds += _count(one)
                future, length = started.popleft()
                yield future
                seconds -= length
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # a caller that stops waits for no more than has begun


def _has_room(ahead: Ahead, started: int, seconds: float) -> bool:
    return started == 0 or (started < ahead.utterances and seconds <= ahead.seconds)


def _count(work: Work) -> float:
    return max(work.seconds, _SHORTEST)

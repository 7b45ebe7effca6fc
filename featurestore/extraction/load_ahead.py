"""Load utterances ahead of the encoder, in threads, so that decoding overlaps with encoding."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from featurestore.extraction.partition import Work
from featurestore.networks.device import count_cores

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

    A core encodes slower than one thread decodes. A GPU needs several threads for clips, and the whole next group of
    batches. Tokenizing is quick and holds Python's lock, so more threads would not help it.
    """
    if device == "cpu":
        return Ahead(1, 8, float("inf"))
    return Ahead(min(8, count_cores()) if modality == "audio" else 1, 2048, 1200.0)


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

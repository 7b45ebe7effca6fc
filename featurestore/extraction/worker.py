"""Encode parts of an extraction in workers: each decodes, encodes and writes one part at a time."""

import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from featurestore import encoders
from featurestore.encoders import Encoded, Encoder
from featurestore.engines import Engine
from featurestore.engines.dispatch import dispatch
from featurestore.engines.threads import limit_torch_threads
from featurestore.errors import Unavailable, Unencodable, UnencodableNow, summarize_error
from featurestore.extraction.part_file import RETRY, Failure, write_part
from featurestore.extraction.partition import Part, Work, group_batches
from featurestore.networks.device import choose_device, count_cores
from featurestore.networks.identity import Identity
from featurestore.networks.limits import Limits
from featurestore.networks.memory import measure_free_memory
from featurestore.progress import Say
from featurestore.storage.schema import Header

AHEAD = 8  # utterances that are decoded before the encoder asks for them
GROUP_SIZE = 128  # utterances that are sorted by length and batched

_loaded: dict[tuple[str, str], Encoder] = {}
_one_part = threading.Lock()  # a cluster's worker may have several threads, which must not share a network


class PartTask(NamedTuple):
    """One part to encode, and the settings to encode it with.

    It is a tuple because dask stores any other large argument on a single worker, and loses it if that worker dies.
    """

    part: Part
    identity: Identity
    kinds: frozenset[str]
    header: Header
    path: Path
    device: str
    limits: Limits


class PartResult(NamedTuple):
    """One encoded part: its file, the failed utterances that the next run tries again, and the encoder's notes."""

    path: Path
    retry: list[Failure]
    notes: list[str]


def encode_parts(tasks: Iterable[PartTask], engine: Engine, say: Say) -> Generator[PartResult, None, None]:
    """Encode parts in an engine's workers and yield each as soon as it is on disk.

    Args:
        tasks: the parts, consumed as workers become free.
        engine: where they are encoded.
        say: receives a line if no worker is left, and another when one is back.

    Raises:
        Unavailable: workers died too often, there was no worker for a minute, or a worker wrote to a disk that this
            machine cannot read. The parts that were yielded are on disk.
    """
    with engine.open_pool() as pool:
        for _, result in dispatch(pool, encode_part, ((task,) for task in tasks), say=say):
            _check_storage(result.path, engine)
            yield result


def encode_part(task: PartTask) -> PartResult:
    """Encode one part and write it, with the reason of each utterance that fails."""
    with _one_part, _limit_threads(task.identity):
        device = task.device or choose_device()
        limits = task.limits
        if limits.memory is None and device == "cpu":  # a cluster's worker shares its machine with one worker per core
            limits = replace(limits, memory=measure_free_memory(count_cores()))
        encoder = _load(task.identity, device)
        vectors, contents, failures = _encode(encoder, task, limits)
        _write(task, vectors, contents, [failure for failure in failures if failure.key != RETRY])
    retry = [failure for failure in failures if failure.key == RETRY]
    return PartResult(task.path, retry, getattr(encoder, "notes", []))  # a plug-in's encoder may have none


def _write(
    task: PartTask, vectors: Mapping[int, Encoded], contents: Mapping[int, str], failures: Sequence[Failure]
) -> None:
    work = [task.part.work[position] for position in vectors]
    write_part(
        task.path,
        [one.item.id for one in work],
        [one.key for one in work],
        [contents[position] for position in vectors],
        list(vectors.values()),
        failures,
        task.header,
    )


def _check_storage(path: Path, engine: Engine) -> None:
    if not engine.local and not path.is_file():
        raise Unavailable(
            f"a {engine.name} worker wrote {path}, and it is not here",
            expected="a store on storage that every worker and this machine share, under the same path",
            do="move the store there, or use --engine loky",
        )


def _encode(
    encoder: Encoder, task: PartTask, limits: Limits
) -> tuple[dict[int, Encoded], dict[int, str], list[Failure]]:
    """Encode a part and return vectors and input digests, each by position in the part, and failures."""
    failures: list[Failure] = []
    vectors: dict[int, Encoded] = {}
    contents: dict[int, str] = {}
    work = task.part.work
    for group in _group(encoder, _load_all(encoder, task, limits, contents, failures)):
        for batch in group_batches([encoder.size(loaded) for _, loaded in group], encoder.budget):
            members = dict(group[index] for index in batch)
            try:
                vectors |= zip(members, encoders.encode(encoder, list(members.values()), task.kinds), strict=True)
            except Exception:
                # One bad utterance must not fail its batch, so each is encoded alone.
                for position, loaded in members.items():
                    with _record_failure(work[position], failures):
                        vectors[position] = encoders.encode(encoder, [loaded], task.kinds)[0]
    return vectors, contents, failures


def _load_all(
    encoder: Encoder, task: PartTask, limits: Limits, contents: dict[int, str], failures: list[Failure]
) -> Iterator[tuple[int, Any]]:
    """Load utterances in order, in another thread, so that decoding overlaps with encoding."""

    def load(work: Work) -> tuple[Any, str]:
        item = replace(work.item)  # a copy, because an item keeps its decoded clip
        limits.check(item, task.identity)
        return encoder.load(item), item.hash_input(task.identity.modality)

    for position, future in enumerate(_load_ahead(load, task.part.work)):
        with _record_failure(task.part.work[position], failures):
            loaded, contents[position] = future.result()
            yield position, loaded


def _load_ahead(load: Any, work: Sequence[Work]) -> Iterator[Future[Any]]:
    """Yield the loads in order, and start only a few ahead, so that memory stays bounded."""
    with ThreadPoolExecutor(1) as pool:
        started = deque(pool.submit(load, one) for one in work[:AHEAD])
        for one in work[AHEAD:]:
            yield started.popleft()
            started.append(pool.submit(load, one))
        while started:
            yield started.popleft()


def _group(encoder: Encoder, loads: Iterator[tuple[int, Any]]) -> Iterator[list[tuple[int, Any]]]:
    """Yield groups of utterances that fill some batches: the larger a group, the less padding its batches need."""
    size = GROUP_SIZE if encoder.budget else 1
    while group := list(islice(loads, size)):
        yield group


@contextmanager
def _record_failure(work: Work, failures: list[Failure]) -> Iterator[None]:
    try:
        yield
    except UnencodableNow as reason:
        failures.append(Failure(work.item.id, RETRY, reason.what))
    except Unencodable as reason:
        failures.append(Failure(work.item.id, work.key, reason.what))
    except Exception as error:
        # A third-party network may raise anything on one clip of ten thousand; the clip is listed as failed.
        failures.append(Failure(work.item.id, RETRY, summarize_error(error)))


def _load(identity: Identity, device: str) -> Encoder:
    key = (f"{identity.fingerprint()} {identity.description.get('long_clips')}", device)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = encoders.load(identity, device)
    return _loaded[key]


def _limit_threads(identity: Identity) -> AbstractContextManager[None]:
    """Limit torch to one thread, unless the encoder is a hand-made extractor, which does without torch."""
    return limit_torch_threads(1) if identity.checkpoint else nullcontext()

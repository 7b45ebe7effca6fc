"""Encode parts of an extraction in workers: each decodes, encodes and writes one part at a time."""

import os
import platform
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from featurestore import encoders
from featurestore.encoders import Encoded, Encoder
from featurestore.engines import Engine
from featurestore.engines.dispatch import dispatch
from featurestore.engines.threads import limit_torch_threads
from featurestore.errors import Unavailable
from featurestore.extraction.batch_encoder import BatchEncoder
from featurestore.extraction.load_ahead import load_in_order
from featurestore.extraction.part_file import RETRY, Failure, write_part
from featurestore.extraction.partition import Part, Work
from featurestore.networks.device import choose_device, count_cores
from featurestore.networks.identity import Identity
from featurestore.networks.limits import Limits
from featurestore.networks.memory import measure_free_memory, measure_peak_memory
from featurestore.progress import Say
from featurestore.storage.schema import Header

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
    """One encoded part: its file, the failed utterances that the next run tries again, and the encoder's notes.

    `seconds` are those of encoding and writing, `memory` is the worker's peak in bytes, `worker` tells workers apart.
    """

    path: Path
    retry: list[Failure]
    notes: Sequence[str] = ()
    seconds: float = 0.0
    memory: int = 0
    worker: str = ""


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
        started = time.perf_counter()
        encoded, contents = _encode(encoder, task, device, limits)
        _write(task, encoded.vectors, contents, [failure for failure in encoded.failures if failure.key != RETRY])
        seconds = time.perf_counter() - started
    retry = [failure for failure in encoded.failures if failure.key == RETRY]
    notes = getattr(encoder, "notes", [])  # a plug-in's encoder may have none
    return PartResult(task.path, retry, notes, seconds, measure_peak_memory(), f"{platform.node()} {os.getpid()}")


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


def _encode(encoder: Encoder, task: PartTask, device: str, limits: Limits) -> tuple[BatchEncoder, dict[int, str]]:
    """Encode a part and return its vectors and failures, and input digests by position in the part."""
    contents: dict[int, str] = {}
    batches = BatchEncoder(encoder, task.kinds, device, task.part.work)
    with closing(_load_all(encoder, task, device, limits, contents, batches)) as loads:
        batches.run(loads)
    return batches, contents


def _load_all(
    encoder: Encoder, task: PartTask, device: str, limits: Limits, contents: dict[int, str], batches: BatchEncoder
) -> Generator[tuple[int, Any], None, None]:
    """Load utterances in order, and record the failures of those that cannot be loaded."""

    def load(work: Work) -> tuple[Any, str]:
        item = limits.apply(work.item, task.identity)  # a copy, because an item keeps its decoded clip
        content = item.hash_input(task.identity.modality)  # decodes the clip
        return encoder.load(item), content

    for position, take in enumerate(load_in_order(load, task.part.work, device, task.identity.modality)):
        with batches.record_failure(position):
            loaded, contents[position] = take()
            yield position, loaded


def _load(identity: Identity, device: str) -> Encoder:
    key = (f"{identity.fingerprint()} {identity.description.get('long_clips')}", device)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = encoders.load(identity, device)
    return _loaded[key]


def _limit_threads(identity: Identity) -> AbstractContextManager[None]:
    """Limit torch to one thread, unless the encoder is a hand-made extractor, which does without torch."""
    return limit_torch_threads(1) if identity.checkpoint else nullcontext()

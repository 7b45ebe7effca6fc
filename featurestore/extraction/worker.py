"""The workers of an extraction: each takes a part, decodes, encodes and writes it."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from featurestore import encoders
from featurestore.encoders import Encoded, Encoder
from featurestore.engines import Engine
from featurestore.engines.dispatch import dispatch
from featurestore.errors import Unavailable, Unencodable, told_briefly
from featurestore.extraction import plan
from featurestore.extraction.parts import RETRY, Failure, write_part
from featurestore.extraction.plan import Part, Work
from featurestore.networks.device import choose_device, cores
from featurestore.networks.identity import Identity
from featurestore.networks.limits import Limits, TooLong
from featurestore.networks.memory import measure_free_memory
from featurestore.storage.schema import Header

AHEAD = 8  # utterances that are decoded before the encoder asks for them
TOGETHER = 128  # utterances that are sorted into batches together

_loaded: dict[tuple[str, str], Encoder] = {}
_one_part = threading.Lock()  # a cluster's worker may have several threads; a network has one


class Task(NamedTuple):
    """One part to encode. A tuple: dask copies other large arguments to one worker, and loses them when it dies."""

    part: Part
    identity: Identity
    kinds: frozenset[str]
    header: Header
    path: Path
    device: str
    limits: Limits


class Done(NamedTuple):
    """A part that is on disk: where, and its failures that may pass."""

    path: Path
    retry: list[Failure]


def run(tasks: Iterable[Task], engine: Engine, say: Callable[[str], None]) -> Generator[Done, None, None]:
    """Encode parts in an engine's workers and yield each as soon as it is on disk.

    Args:
        tasks: the parts; taken from as workers are free.
        engine: where they are encoded.
        say: is told when no worker is left.

    Raises:
        Unavailable: a worker died for good, none was there for a while, or what one wrote is not on this machine;
            finished parts are on disk.
    """
    with engine.running() as workers:
        for _, done in dispatch(workers, encode_part, ((task,) for task in tasks), say=say):
            _check_shared(done.path, engine)
            yield done


def encode_part(task: Task) -> Done:
    """Encodes one part and writes it; an utterance that fails is recorded with its reason, the others go on."""
    with _one_part, _one_thread(task.identity):
        device = task.device or choose_device()
        limits = task.limits
        if limits.memory is None and device == "cpu":  # a cluster's worker knows its own machine, shared by one a core
            limits = replace(limits, memory=measure_free_memory(cores()))
        encoder = _load(task.identity, device)
        done, contents, failed = _encode(encoder, task, limits)
        work = [task.part.work[position] for position in done]
        ids, row_keys = [one.item.id for one in work], [one.key for one in work]
        final = [failure for failure in failed if failure.key != RETRY]
        write_part(task.path, ids, row_keys, [contents[row] for row in done], list(done.values()), final, task.header)
    return Done(task.path, [failure for failure in failed if failure.key == RETRY])


def _check_shared(path: Path, engine: Engine) -> None:
    if not engine.local and not path.is_file():
        raise Unavailable(
            f"a {engine.name} worker wrote {path}, and it is not here",
            expected="a store on storage that every worker and this machine share, under the same path",
            do="move the store there, or use --engine loky",
        )


def _encode(encoder: Encoder, task: Task, limits: Limits) -> tuple[dict[int, Encoded], dict[int, str], list[Failure]]:
    """Encode a part: vectors and content by position, and failures; the key RETRY marks one that may pass."""
    failed: list[Failure] = []
    done: dict[int, Encoded] = {}
    contents: dict[int, str] = {}
    work = task.part.work
    for chunk in _chunks(encoder, _loads(encoder, task, limits, contents, failed)):
        for batch in plan.batches([encoder.size(loaded) for _, loaded in chunk], encoder.budget):
            members = {chunk[index][0]: chunk[index][1] for index in batch}
            try:
                done |= zip(members, encoders.encode(encoder, list(members.values()), task.kinds), strict=True)
            except Exception:
                # One bad utterance must not take its batch with it: each is tried alone, and fails for itself.
                for position, loaded in members.items():
                    with _recorded(work[position], failed):
                        done[position] = encoders.encode(encoder, [loaded], task.kinds)[0]
    return done, contents, failed


def _loads(
    encoder: Encoder, task: Task, limits: Limits, contents: dict[int, str], failed: list[Failure]
) -> Iterator[tuple[int, Any]]:
    """Load utterances in order, in a thread of its own, so that decoding runs beside the encoder."""

    def load(work: Work) -> tuple[Any, str]:
        item = replace(work.item)  # an item keeps its decoded clip, which must not outlive its turn
        limits.check(item, task.identity)
        return encoder.load(item), item.content(task.identity.modality)

    for position, future in enumerate(_ahead(load, task.part.work)):
        with _recorded(task.part.work[position], failed):
            loaded, contents[position] = future.result()
            yield position, loaded


def _ahead(load: Any, work: Sequence[Work]) -> Iterator[Future[Any]]:
    """The loads in order; only so many are begun before they are asked for, so that memory stays bounded."""
    with ThreadPoolExecutor(1) as pool:
        begun = deque(pool.submit(load, one) for one in work[:AHEAD])
        for one in work[AHEAD:]:
            yield begun.popleft()
            begun.append(pool.submit(load, one))
        while begun:
            yield begun.popleft()


def _chunks(encoder: Encoder, loads: Iterator[tuple[int, Any]]) -> Iterator[list[tuple[int, Any]]]:
    """Enough utterances to fill some batches: sorted together they pad little, and the next load meanwhile."""
    size = TOGETHER if encoder.budget else 1
    while chunk := list(islice(loads, size)):
        yield chunk


@contextmanager
def _recorded(work: Work, failed: list[Failure]) -> Iterator[None]:
    try:
        yield
    except TooLong as reason:
        failed.append(Failure(work.item.id, RETRY, reason.what))
    except Unencodable as reason:
        failed.append(Failure(work.item.id, work.key, reason.what))
    except Exception as error:
        # Anything may go wrong in a foreign network on one clip of ten thousand, at night; it is listed, not hidden.
        failed.append(Failure(work.item.id, RETRY, told_briefly(error)))


def _load(identity: Identity, device: str) -> Encoder:
    key = (identity.fingerprint(), device)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = encoders.load(identity, device)
    return _loaded[key]


@contextmanager
def _one_thread(identity: Identity) -> Iterator[None]:
    """One thread for the block: several in one process wait for each other on a busy machine."""
    if identity.checkpoint is None:  # made by hand, without torch
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""Partition an extraction: split its utterances into phases, parts and batches."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from featurestore.engines import Engine
from featurestore.item import Item
from featurestore.networks.device import choose_device, count_cores
from featurestore.networks.identity import Identity
from featurestore.networks.memory import estimate_encoding_memory, measure_free_memory

# A part is what is lost when a worker dies, the unit of progress, and what a worker holds in memory: some seconds of
# one core's work, not minutes. A GPU does the work of hundreds of cores, and waits for a moment between two parts.
PART_UTTERANCES = 256
PART_COST = 20.0  # seconds of one core
GPU_UTTERANCES, GPU_COST = 8, 100  # times as much
_CLUSTER_WORKERS = 16  # assumed size of a cluster, so that its workers can share the parts


@dataclass(frozen=True)
class Work:
    """Utterance to encode.

    Args:
        item: what the encoder is given.
        key: the cache key of its vector.
        cost: estimated seconds of one core.
        seconds: length of its clip; 0 for a text, or if the manifest does not have it.
    """

    item: Item
    key: str
    cost: float
    seconds: float = 0.0


@dataclass(frozen=True)
class Part:
    """Utterances that one worker encodes and writes as one file."""

    work: tuple[Work, ...]

    @property
    def name(self) -> str:
        """File name: a digest of the keys, so that the same part has the same name in every run."""
        return hashlib.sha256("".join(work.key for work in self.work).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Phase:
    """Parts that an engine encodes.

    Args:
        engine: where they are encoded.
        parts: in the order in which they start.
        memory: bytes that one clip may take there; None if each worker decides.
    """

    engine: Engine
    parts: list[Part]
    memory: int | None


def plan_phases(work: Sequence[Work], identity: Identity, engine: Engine, *, frames: bool = False) -> list[Phase]:
    """Split work into phases: first what fits into memory in all workers at once, then the longest clips one at a time.

    Args:
        work: the utterances to encode.
        identity: the encoder.
        engine: where they are encoded; without a device, the GPU if this machine has one.
        frames: whether every frame is stored, so that a part of a GPU must be smaller to fit into memory.
    """
    if not engine.local:
        gpu = engine.device not in ("", "cpu")
        return [Phase(engine, split_parts(work, max(engine.jobs, _CLUSTER_WORKERS), gpu=gpu, frames=frames), None)]
    device = engine.device or (choose_device() if identity.checkpoint else "cpu")
    if device != "cpu":
        engine = replace(engine, device=device, jobs=engine.jobs or 1)
        return [Phase(engine, split_parts(work, engine.jobs, gpu=True, frames=frames), None)]
    engine = replace(engine, device=device, jobs=engine.jobs or count_cores())
    share, whole = measure_free_memory(engine.jobs), measure_free_memory()
    is_audio = identity.modality == "audio"
    large = {one.key for one in work if is_audio and estimate_encoding_memory(identity, one.seconds) > share}
    shared = [one for one in work if one.key not in large]
    alone = [one for one in work if one.key in large]
    return [
        Phase(engine, split_parts(shared, engine.jobs), share),
        Phase(replace(engine, jobs=1), split_parts(alone, 1), whole),
    ]


def split_parts(work: Sequence[Work], jobs: int, *, gpu: bool = False, frames: bool = False) -> list[Part]:
    """Split work into parts of similar cost, the costliest first, so that all workers finish at about the same time.

    A part costs at most `PART_COST`, unless one utterance alone costs more, and has at most `PART_UTTERANCES`.

    Args:
        work: the utterances to encode; a key that occurs several times is encoded once.
        jobs: how many workers share the work; each gets at least four parts if there is enough.
        gpu: whether parts are as large as a GPU needs them.
        frames: whether every frame is stored, which limits a part of a GPU to the cost of `GPU_UTTERANCES` parts.
    """
    ordered = sort_by_cost(work)
    count, cost = (GPU_UTTERANCES, GPU_UTTERANCES if frames else GPU_COST) if gpu else (1, 1)
    largest = max(1, min(count * PART_UTTERANCES, -(-len(ordered) // (4 * jobs))))
    dearest = min(cost * PART_COST, sum(one.cost for one in ordered) / (4 * jobs))
    parts: list[list[Work]] = []
    taken = 0.0
    for one in ordered:
        taken += one.cost
        if not parts or len(parts[-1]) >= largest or taken > dearest:
            parts.append([])
            taken = one.cost
        parts[-1].append(one)
    return [Part(tuple(part)) for part in parts]


def sort_by_cost(work: Sequence[Work]) -> list[Work]:
    """Sort work by falling cost, with the first of those that have the same key."""
    unique = {one.key: one for one in reversed(work)}
    return sorted(unique.values(), key=lambda one: (-one.cost, -one.seconds, one.key))


def group_batches(sizes: Sequence[int], budget: int) -> list[list[int]]:
    """Group positions of similar length into batches whose padded size stays within a budget.

    Args:
        sizes: length of each input, in samples or tokens.
        budget: padded size of a batch; 0 means one at a time.
    """
    order = sorted(range(len(sizes)), key=lambda position: (sizes[position], position))
    batches: list[list[int]] = []
    for position in order:
        # Sizes ascend, so the batch is padded to the size of the one that joins it.
        if batches and (len(batches[-1]) + 1) * sizes[position] <= budget:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches

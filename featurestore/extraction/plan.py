"""The plan of an extraction: which utterances go into which part, and into which batch."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from featurestore.engines import Engine
from featurestore.item import Item
from featurestore.networks.device import choose_device, cores
from featurestore.networks.identity import Identity
from featurestore.networks.memory import estimate_encoding_memory, measure_free_memory

# A part is what is lost when a run dies, what progress is counted by, and what a worker holds in memory: some seconds
# of work, not minutes. A GPU is many times faster than a core.
PART_UTTERANCES = 256
PART_SECONDS = 120.0
GPU_FACTOR = 8
_MANY = 16  # workers that a cluster is taken to have, so that parts are small enough for all of them to share


@dataclass(frozen=True)
class Work:
    """One utterance to encode; `key` stands for its content and the encoder, `cost` is seconds or characters."""

    item: Item
    key: str
    cost: float


@dataclass(frozen=True)
class Part:
    """Utterances that are encoded by one worker and written as one file."""

    work: tuple[Work, ...]

    @property
    def name(self) -> str:
        """Its file name: a digest of its keys, so that the same part has the same name in every run."""
        return hashlib.sha256("".join(work.key for work in self.work).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Phase:
    """Parts that an engine encodes, and the bytes that one clip may take there (None: the worker knows better)."""

    engine: Engine
    parts: list[Part]
    memory: int | None


def phases(work: Sequence[Work], identity: Identity, engine: Engine) -> list[Phase]:
    """Cuts work into phases: first what fits into memory beside other workers, then the longest clips, alone.

    Args:
        work: what is to be encoded; its cost is seconds for an audio encoder.
        identity: which encoder.
        engine: where; without a device, the GPU where this machine has one.
    """
    if not engine.local:
        return [Phase(engine, parts(work, identity.modality, max(engine.jobs, _MANY)), None)]
    device = engine.device or (choose_device() if identity.checkpoint else "cpu")
    if device != "cpu":
        engine = replace(engine, device=device, jobs=engine.jobs or 1)
        return [Phase(engine, parts(work, identity.modality, engine.jobs, GPU_FACTOR), None)]
    engine = replace(engine, device=device, jobs=engine.jobs or cores())
    share, whole = measure_free_memory(engine.jobs), measure_free_memory()
    large = {
        one.key for one in work if identity.modality == "audio" and estimate_encoding_memory(identity, one.cost) > share
    }
    beside, alone = ([one for one in work if (one.key in large) == wanted] for wanted in (False, True))
    return [
        Phase(engine, parts(beside, identity.modality, engine.jobs), share),
        Phase(replace(engine, jobs=1), parts(alone, identity.modality, 1), whole),
    ]


def parts(work: Sequence[Work], modality: str, jobs: int, factor: int = 1) -> list[Part]:
    """Cuts work into parts of similar length, the longest first so that the end of a run has no tail.

    Args:
        work: what is to be encoded; a key that stands several times is encoded once.
        modality: `audio` is cut by seconds, `text` by count.
        jobs: how many workers share the work; each gets at least four parts where there is enough.
        factor: how many times larger than usual a part may be.
    """
    unique: Mapping[str, Work] = {item.key: item for item in reversed(work)}
    ordered = sorted(unique.values(), key=lambda item: (-item.cost, item.key))
    most = max(1, min(factor * PART_UTTERANCES, -(-len(ordered) // (4 * jobs))))
    found: list[Part] = []
    current: list[Work] = []
    seconds = 0.0
    for item in ordered:
        seconds += item.cost if modality == "audio" else 0.0
        if current and (len(current) >= most or seconds > factor * PART_SECONDS):
            found.append(Part(tuple(current)))
            current, seconds = [], item.cost if modality == "audio" else 0.0
        current.append(item)
    return [*found, *([Part(tuple(current))] if current else [])]


def batches(sizes: Sequence[int], budget: int) -> list[list[int]]:
    """Groups positions so that a batch, padded to its longest, stays within a budget; similar lengths go together.

    Args:
        sizes: length of each input, in samples or tokens.
        budget: padded size of a batch; 0 means one at a time.
    """
    order = sorted(range(len(sizes)), key=lambda position: (sizes[position], position))
    found: list[list[int]] = []
    for position in order:
        # Sizes ascend, so the newcomer is the longest of its batch.
        if found and (len(found[-1]) + 1) * sizes[position] <= budget:
            found[-1].append(position)
        else:
            found.append([position])
    return found

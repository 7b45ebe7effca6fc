"""The plan of an extraction: which utterances go into which part, and into which batch."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from featurestore.encoders import Item

# A part is what is lost when a run dies, and what progress is counted by: some seconds of work, not minutes.
PART_UTTERANCES = 256
PART_SECONDS = 120.0


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


def parts(work: Sequence[Work], modality: str, jobs: int) -> list[Part]:
    """Cuts work into parts of similar length, the longest first so that the end of a run has no tail.

    Args:
        work: what is to be encoded; a key that stands several times is encoded once.
        modality: `audio` is cut by seconds, `text` by count.
        jobs: how many workers share the work; each gets at least four parts where there is enough.
    """
    unique: Mapping[str, Work] = {item.key: item for item in reversed(work)}
    ordered = sorted(unique.values(), key=lambda item: (-item.cost, item.key))
    most = max(1, min(PART_UTTERANCES, -(-len(ordered) // (4 * jobs))))
    found: list[Part] = []
    current: list[Work] = []
    seconds = 0.0
    for item in ordered:
        seconds += item.cost if modality == "audio" else 0.0
        if current and (len(current) >= most or seconds > PART_SECONDS):
            found.append(Part(tuple(current)))
            current, seconds = [], item.cost
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

"""Order the utterances of an epoch, and cut its batches into what is in memory at once."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from transformers.trainer_pt_utils import get_length_grouped_indices


class Filler(NamedTuple):
    """Key of an utterance that fills a micro-batch of a process without a share, and counts nowhere.

    Args:
        number: index of the utterance.
        epoch: from 0.
    """

    number: int
    epoch: int


class LengthGroupedSampler(torch.utils.data.Sampler[tuple[int, int]]):
    """Order utterances so that batches hold similar lengths, as keys (index, epoch) of a training part.

    The order depends on seed and epoch alone, so that a resumed epoch has the same batches. Transformers' own grouping
    by length would decode every clip to measure it, and its order does not survive a resumed epoch.

    Args:
        sizes: of the utterances, in samples or tokens.
        batch: utterances per optimizer step.
        seed: of the order.
    """

    def __init__(self, sizes: Sequence[int], batch: int, seed: int) -> None:
        self.sizes, self.batch, self.seed, self.epoch = list(sizes), batch, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, as the trainer does at the start of every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = get_length_grouped_indices(self.sizes, self.batch, generator=generator)
        return iter([(index, self.epoch) for index in order])


class MicroBatchSampler(torch.utils.data.Sampler[list[tuple[int, int]]]):
    """Cut every batch of an order into parts of at most `micro`, so that a batch of 31 gives 8, 8, 8 and 7.

    Processes that share a batch have the same number of parts, of which those without an utterance hold a `Filler`.

    Args:
        order: of the utterances.
        batch: utterances per optimizer step; the last batch of an epoch may have fewer.
        micro: utterances in memory at once.
        processes: that share every batch.
        process: the one whose share this is, from 0.
    """

    def __init__(
        self, order: LengthGroupedSampler, batch: int, micro: int, *, processes: int = 1, process: int = 0
    ) -> None:
        self.sampler, self.batch, self.together = order, batch, micro * processes
        self.processes, self.process = processes, process

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the order."""
        self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch)
        return whole * math.ceil(self.batch / self.together) + math.ceil(rest / self.together)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = list(self.sampler)
        for start in range(0, len(order), self.batch):
            end = min(start + self.batch, len(order))
            for first in range(start, end, self.together):
                yield self._take_share(order[first : min(first + self.together, end)])

    def _take_share(self, keys: list[tuple[int, int]]) -> list[tuple[int, int]]:
        first, last = (len(keys) * number // self.processes for number in (self.process, self.process + 1))
        return keys[first:last] or [Filler(*keys[-1])]

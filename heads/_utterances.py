"""Define the base classes of heads that see one utterance at a time, with its frames padded in time and masked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch

from heads._inputs import BLOCKS, FRAMES, Frames, Indices, Inputs
from heads._network import NetworkHead
from heads._scaling import ColumnScaling


@dataclass(frozen=True)
class UtteranceBatch:
    """B utterances.

    Args:
        rows: their rows (B,).
        blocks: each block (B, *shape), standardized.
        frames: of each feature, (B, T, D), standardized, zero in the padding.
        masks: of each feature, whether a place holds a frame (B, T); frames come first, padding behind.
    """

    rows: torch.Tensor
    blocks: tuple[torch.Tensor, ...]
    frames: tuple[torch.Tensor, ...]
    masks: tuple[torch.Tensor, ...]


@dataclass(kw_only=True, eq=False, repr=False)
class VectorHead(NetworkHead):
    """Base class of heads that read the blocks of one utterance at a time, and nothing of other length."""

    TAKES: ClassVar[frozenset[str]] = frozenset({BLOCKS})

    def _list_units(self, inputs: Inputs) -> list[Indices]:
        return [np.array([row]) for row in inputs.targets]

    def _measure(self, inputs: Inputs, unit: Indices) -> int:
        return 1

    def _collate(self, inputs: Inputs, units: Sequence[Indices], device: torch.device) -> UtteranceBatch:
        rows = np.concatenate(units)
        blocks = []
        for block, scaling in zip(inputs.blocks, self.scaling_, strict=False):  # those of frames come behind
            values = inputs.read_block(block)[rows].reshape(len(rows), -1)
            blocks.append(torch.from_numpy(scaling.apply(values).reshape(len(rows), *block.shape)).to(device))
        return UtteranceBatch(torch.from_numpy(rows).to(device), tuple(blocks), (), ())


@dataclass(kw_only=True, eq=False, repr=False)
class UtteranceHead(VectorHead):
    """Base class of heads that read the frames, or frames and blocks, of one utterance at a time.

    Frames are read from the store a batch at a time.

    Args:
        max_frames: frames of an utterance that are read, from its beginning; 0 for all of them.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({BLOCKS, FRAMES})

    max_frames: int = 0

    def _measure(self, inputs: Inputs, unit: Indices) -> int:
        return sum(self._count_frames(one, unit[0]) for one in inputs.frames)

    def _collate(self, inputs: Inputs, units: Sequence[Indices], device: torch.device) -> UtteranceBatch:
        batch = super()._collate(inputs, units, device)
        scalings = self.scaling_[len(inputs.blocks) :]
        rows = np.concatenate(units)
        padded = [self._pad(one, rows, scaling) for one, scaling in zip(inputs.frames, scalings, strict=True)]
        frames, masks = (tuple(torch.from_numpy(pair[side]).to(device) for pair in padded) for side in range(2))
        return replace(batch, frames=frames, masks=masks)

    def _count_frames(self, frames: Frames, row: int) -> int:
        length = len(frames.rows[row])
        return min(length, self.max_frames) if self.max_frames else length

    def _pad(self, frames: Frames, rows: Indices, scaling: ColumnScaling) -> tuple[np.ndarray, np.ndarray]:
        """Read the frames of some rows, (B, T, D), and where they are real (B, T)."""
        lengths = np.array([self._count_frames(frames, row) for row in rows])
        mask = np.arange(lengths.max()) < lengths[:, None]
        values = np.zeros((*mask.shape, frames.width), np.float32)
        for place, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            values[place, :length] = scaling.apply(frames.rows[row][:length])
        return values, mask

    def _check_params(self) -> None:
        super()._check_params()
        self._check_number("max_frames", low=0, integer=True, inclusive=True)

"""Define the base classes of heads that see one utterance at a time, with its frames padded in time and masked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch

from heads._inputs import BLOCKS, FRAMES, Frames, Indices, Inputs
from heads._masked import pad
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
        blocks = tuple(block.to(device) for block in self._read_blocks(inputs, rows))
        return UtteranceBatch(torch.from_numpy(rows).to(device), blocks, (), ())


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
        return sum(len(one.rows[unit[0]][: self._find_limit(one) or None]) for one in inputs.frames)

    def _collate(self, inputs: Inputs, units: Sequence[Indices], device: torch.device) -> UtteranceBatch:
        batch = super()._collate(inputs, units, device)
        scalings = self.scaling_[len(inputs.blocks) :]
        rows = np.concatenate(units)
        padded = [self._read_frames(one, rows, scaling) for one, scaling in zip(inputs.frames, scalings, strict=True)]
        frames, masks = (tuple(pair[side].to(device) for pair in padded) for side in range(2))
        return replace(batch, frames=frames, masks=masks)

    def _find_limit(self, frames: Frames) -> int:
        """Return the number of frames of a feature that are read, or 0 for all of them."""
        return self.max_frames

    def _read_frames(self, frames: Frames, rows: Indices, scaling: ColumnScaling) -> tuple[torch.Tensor, torch.Tensor]:
        """Read the frames of some rows, standardized and padded (B, T, D), and their mask (B, T)."""
        limit = self._find_limit(frames) or None
        return pad([torch.from_numpy(scaling.apply(frames.rows[row][:limit])) for row in rows])

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("max_frames", low=0)

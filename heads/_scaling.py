"""Standardize the columns of blocks and the dimensions of frames, measured on the training part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from heads._inputs import Inputs, Rows

_CHUNK = 2**22  # numbers measured at once: 16 MB of float32


@dataclass(frozen=True)
class ColumnScaling:
    """The mean and the standard deviation of each column (D,), float32; 1 instead of the latter for a constant one."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def apply(self, values: Rows) -> NDArray[np.float32]:
        """Standardize values (…, D), as a new float32 array."""
        scaled = np.subtract(values, self.mean, dtype=np.float32)
        scaled /= self.scale
        return scaled


def fit_scaling(inputs: Inputs) -> list[ColumnScaling]:
    """Measure each block (of shape `(L, D)` by its L * D columns) and then each feature of frames, over all rows."""
    blocks = (iter([inputs.read_block(block).reshape(len(inputs.X), -1)]) for block in inputs.blocks)
    frames = (_iterate_frames(one.rows, one.width) for one in inputs.frames)
    return [_measure(chunks) for parts in (blocks, frames) for chunks in parts]


def _measure(chunks: Iterator[Rows]) -> ColumnScaling:
    scaler = StandardScaler()
    for chunk in chunks:
        scaler.partial_fit(chunk)
    return ColumnScaling(scaler.mean_.astype(np.float32), scaler.scale_.astype(np.float32))


def _iterate_frames(rows: Sequence[Rows], width: int) -> Iterator[Rows]:
    """Yield the frames of all rows, some clips at a time."""
    chunk: list[Rows] = []
    size = 0
    for frames in rows:
        chunk.append(frames)
        size += len(frames) * width
        if size >= _CHUNK:
            yield np.concatenate(chunk)
            chunk, size = [], 0
    if chunk:
        yield np.concatenate(chunk)

"""Locate a dataset in a file and compute the sha256 of its bytes."""

import hashlib
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

_BLOCK = 1 << 24  # bytes read at a time


class Place(NamedTuple):
    """Position of a contiguous dataset in a file.

    Args:
        offset: its first byte.
        shape: of the dataset, rows first.
        dtype: of its values.
    """

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Size of the dataset in bytes."""
        return prod(self.shape) * self.dtype.itemsize

    @property
    def row_size(self) -> int:
        """Size of one row in bytes."""
        return prod(self.shape[1:]) * self.dtype.itemsize

    def digest(self, path: Path) -> str:
        """Compute the sha256 of the dataset's bytes as hex, or return `truncated` where the file ends before them."""
        digest, left = hashlib.sha256(), self.size
        with path.open("rb") as file:
            file.seek(self.offset)
            while left:
                block = file.read(min(left, _BLOCK))
                if not block:
                    return "truncated"
                digest.update(block)
                left -= len(block)
        return digest.hexdigest()

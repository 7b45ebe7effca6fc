"""Keep the probabilities of many runs within a fixed memory: what exceeds it goes to a temporary file."""

import os
import tempfile
from functools import cache
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

IN_MEMORY = 512 * 2**20  # bytes of all matrices of a process together


class SpilledMatrix:
    """A matrix in a temporary file, read by rows."""

    def __init__(self, file: BinaryIO, values: NDArray[np.float64]) -> None:
        """Write a matrix (N, C) to the end of a file that stays open."""
        self.shape, self._file = values.shape, file
        self._start = file.seek(0, os.SEEK_END)
        file.write(np.ascontiguousarray(values).data)
        file.flush()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[np.float64]:
        """Read rows that follow each other."""
        start, stop, step = rows.indices(len(self))
        width = 8 * self.shape[1]
        raw = os.pread(self._file.fileno(), max(stop - start, 0) * width, self._start + start * width)
        return np.frombuffer(raw).reshape(-1, self.shape[1])[::step]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)


class MatrixStore:
    """Holds matrices in memory up to a limit, and later ones in a temporary file.

    The file is in `TMPDIR`, has no name, and is gone when the process ends.

    Args:
        limit: bytes of all matrices in memory.
    """

    def __init__(self, limit: int = IN_MEMORY) -> None:
        self._left = limit
        self._file: BinaryIO | None = None

    def keep(self, values: NDArray[np.float64]) -> NDArray[np.float64] | SpilledMatrix:
        """Keep a matrix (N, C), in memory while there is room."""
        if values.nbytes <= self._left:
            self._left -= values.nbytes
            return values
        self._file = self._file or tempfile.TemporaryFile()
        return SpilledMatrix(self._file, values)

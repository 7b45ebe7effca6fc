"""Keep the probabilities of many runs within a fixed memory: what exceeds it goes to a temporary file."""

import os
import tempfile
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

IN_MEMORY = 512 * 2**20  # bytes of all matrices of a process together


class _TemporaryFile:
    """A file without a name, closed with the last matrix in it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as a matrix is read
        weakref.finalize(self, self._file.close)

    def append(self, raw: memoryview) -> int:
        """Write to the end of the file, and return where it begins."""
        start = self._file.seek(0, os.SEEK_END)
        self._file.write(raw)
        self._file.flush()
        return start

    def read(self, start: int, count: int) -> bytes:
        """Read bytes from a place on."""
        self._file.seek(start)
        return self._file.read(count)


class SpilledMatrix:
    """A matrix in a temporary file, read by rows."""

    def __init__(self, file: _TemporaryFile, values: NDArray[np.float64]) -> None:
        """Write a matrix (N, C) to the end of a file."""
        self.shape, self._file = (len(values), int(values.shape[1])), file
        self._start = file.append(np.ascontiguousarray(values, np.float64).data)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[np.float64]:
        """Read rows that follow each other."""
        start, stop, step = rows.indices(len(self))
        width = 8 * self.shape[1]
        raw = self._file.read(self._start + start * width, max(stop - start, 0) * width)
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
        self._file: _TemporaryFile | None = None

    def keep(self, values: NDArray[np.float64]) -> NDArray[np.float64] | SpilledMatrix:
        """Keep a matrix (N, C), in memory while there is room."""
        if values.nbytes <= self._left:
            self._left -= values.nbytes
            return values
        self._file = self._file or _TemporaryFile()
        return SpilledMatrix(self._file, values)

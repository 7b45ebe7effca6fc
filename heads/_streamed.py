"""Define a matrix whose rows stay on disk until they are used, for heads that learn from more than memory holds."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Rows = NDArray[np.floating[Any]]
Indices = NDArray[np.intp]

_BATCH = 2**21  # numbers in a batch of rows: 8 MB of float32
_WINDOW = 2**22  # numbers that are read together where batches are drawn at random


class StreamedMatrix:
    """A matrix X (N, D) of which only the rows in use are in memory.

    Args:
        read: returns the rows of the given numbers (M,), from 0 to N - 1, as a new array (M, D).
        shape: (N, D).
        dtype: of what `read` returns.

    >>> X = StreamedMatrix(lambda rows: rows[:, None] * np.ones(2, np.float32), (1000, 2))
    >>> X[[1, 3]]
    array([[1., 1.],
           [3., 3.]])
    >>> X.select(np.arange(500, 1000)).shape
    (500, 2)
    """

    def __init__(self, read: Callable[[Indices], Rows], shape: tuple[int, int], dtype: DTypeLike = np.float32) -> None:
        self._read = read
        self.shape, self.dtype = shape, np.dtype(dtype)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: slice | ArrayLike) -> Rows:
        """Read the rows of a slice, of numbers (M,) or of a mask (N,), as a new array (M, D).

        Raises:
            TypeError: a single number or a tuple is given.
        """
        if isinstance(rows, (tuple, int, np.integer)):
            raise TypeError(f"only slices, numbers and masks of rows can be read, got {rows!r}")
        chosen = rows if isinstance(rows, slice) else np.asarray(rows)
        return self._read(np.arange(len(self))[chosen])

    @property
    def nbytes(self) -> int:
        """Number of bytes that the whole matrix would take in memory."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def select(self, rows: ArrayLike) -> "StreamedMatrix":
        """Keep some rows, by numbers (M,), without reading them."""
        kept = np.asarray(rows, np.intp)
        return StreamedMatrix(lambda numbers: self._read(kept[numbers]), (len(kept), self.shape[1]), self.dtype)

    def map(self, change: Callable[[Rows, Indices], Rows]) -> "StreamedMatrix":
        """Change rows when they are read, by a function of rows (M, D) and their numbers (M,)."""
        return StreamedMatrix(lambda rows: change(self._read(rows), rows), self.shape, self.dtype)

    def iterate(self, numbers: int = _BATCH) -> Iterator[tuple[slice, Rows]]:
        """Yield all rows in their order, a batch at a time: which they are, and their values (M, D).

        Args:
            numbers: in a batch, at most where one row has no more.
        """
        size = max(1, numbers // max(1, self.shape[1]))
        for start in range(0, len(self), size):
            rows = slice(start, min(start + size, len(self)))
            yield rows, self[rows]


def is_finite(X: Rows | StreamedMatrix) -> bool:
    """Tell whether a matrix (N, D) holds neither NaN nor infinity."""
    if isinstance(X, StreamedMatrix):
        return all(np.isfinite(values).all() for _, values in X.iterate())
    return bool(np.isfinite(X).all())


def take_rows(X: Any, rows: Indices) -> Any:
    """Return some rows (M,) of a matrix: a copy of an array, a selection of a `StreamedMatrix`."""
    return X.select(rows) if isinstance(X, StreamedMatrix) else X[rows]


def iterate_batches(X: Any, batches: Sequence[Indices]) -> Iterator[Rows]:
    """Yield the rows (B, D) of each batch of row numbers (B,).

    Of a `StreamedMatrix` several batches are read together, in the order of the rows on disk.
    """
    if not isinstance(X, StreamedMatrix):
        yield from (X[rows] for rows in batches)
        return
    window = max(1, _WINDOW // max(1, X.shape[1] * len(batches[0])))
    for start in range(0, len(batches), window):
        yield from _read_together(X, batches[start : start + window])


def _read_together(X: StreamedMatrix, batches: Sequence[Indices]) -> Iterator[Rows]:
    numbers, places = np.unique(np.concatenate(batches), return_inverse=True)
    values = X[numbers]
    ends = np.cumsum([len(rows) for rows in batches])
    return (values[part] for part in np.split(places, ends[:-1]))

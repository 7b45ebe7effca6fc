"""Hold the features in a file of another program, to be read block by block."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import BadValue, Mismatch

BLOCK = 1 << 24  # bytes of values in memory at a time

Blocks = Callable[[], Iterator[tuple[int, np.ndarray]]]  # the first row of each block, and its values


@dataclass(frozen=True)
class ReadOptions:
    """Choice of what to read from a file.

    Args:
        array: name of the array, if the file has several.
        kind: `mean`, `frames`, …; empty for `frames` where rows differ in length, else `mean`.
        ids: utterance ids of the rows, for a file that holds none.
        id_column: name of the column or array with the ids; empty for a usual name.
        modality: `audio` or `text`.
    """

    array: str = ""
    kind: str = ""
    ids: tuple[str, ...] | None = None
    id_column: str = ""
    modality: str = "audio"


@dataclass(frozen=True)
class FeatureTable:
    """Features of utterances, in the order of the file.

    Args:
        ids: as the file has them, one per row.
        kind: of the features.
        shape: of one row, (D,) or (L, D); of one frame, (D,).
        blocks: yields consecutive rows in order; of `frames`, consecutive frames of all rows.
        lengths: frames of each row, int64 (N,); None where each row is one vector.
        dtype: of the values in the file.
        columns: names of the D columns, if the file has any.
        notes: lines for the user about what was left out.
    """

    ids: tuple[str, ...]
    kind: str
    shape: tuple[int, ...]
    blocks: Blocks
    lengths: np.ndarray | None = None
    dtype: np.dtype = field(default_factory=lambda: np.dtype(np.float32))
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StoredArray:
    """An array in a file, read block by block.

    Args:
        shape: rows first.
        dtype: of its values.
        blocks: yields consecutive rows in order.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    blocks: Blocks

    @property
    def is_numeric(self) -> bool:
        """Whether it holds real numbers."""
        return self.dtype.kind in "fiu"

    def read(self) -> np.ndarray:
        """Read all of it."""
        found = [values for _, values in self.blocks()]
        return np.concatenate(found) if found else np.empty(self.shape, self.dtype)


def count_rows(shape: Sequence[int], itemsize: int) -> int:
    """Return how many rows of an array fit into a block, at least one."""
    return max(1, BLOCK // max(1, prod(shape[1:]) * itemsize))


def wrap_array(values: Any) -> StoredArray:
    """Wrap an array in memory or a dataset that reads slices."""
    step = count_rows(values.shape, values.dtype.itemsize)

    def read_blocks() -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, len(values), step):
            yield start, np.asarray(values[start : start + step])

    return StoredArray(tuple(values.shape), np.dtype(values.dtype), read_blocks)


def choose_kind(options: ReadOptions, *, ragged: bool, what: str) -> str:
    """Return the kind of features: the one that was asked for, else `frames` or `mean`.

    Raises:
        BadValue: rows differ in length, and another kind than `frames` was asked for.
    """
    kind = options.kind or ("frames" if ragged else "mean")
    if ragged and kind != "frames":
        raise BadValue(
            f"{what} holds frames, and {kind} is one vector for each utterance",
            expected="frames",
            got=kind,
            do="--kind frames, or pool them first",
        )
    return kind


def build_vectors(path: Path, ids: Sequence[str], array: StoredArray, options: ReadOptions) -> FeatureTable:
    """Build the table of an array (N, D), (N,) or, for `layers`, (N, L, D).

    Raises:
        BadValue: it has another number of dimensions, or no column.
        Mismatch: it has another number of rows than there are ids.
    """
    if array.shape[0] != len(ids):
        raise Mismatch(
            f"{path} has another number of rows than of ids",
            expected=f"{len(ids)} rows, one for each id",
            got=" x ".join(map(str, array.shape)),
        )
    kind = choose_kind(options, ragged=False, what=str(path))
    expected = 3 if kind == "layers" else 2
    shape = array.shape if len(array.shape) > 1 else (*array.shape, 1)
    if len(shape) != expected or not prod(shape[1:]):
        raise BadValue(
            f"{path} has no {kind} of utterances",
            expected=f"{'N, L, D' if expected == 3 else 'N, D'} numbers",
            got=" x ".join(map(str, array.shape)),
            do="--kind frames for sequences, --kind layers for one vector of each layer" if len(shape) == 3 else "",
        )

    def read_blocks() -> Iterator[tuple[int, np.ndarray]]:
        for start, values in array.blocks():
            yield start, values.reshape(len(values), *shape[1:])

    return FeatureTable(tuple(ids), kind, shape[1:], read_blocks, dtype=array.dtype)


def build_frames(path: Path, ids: Sequence[str], array: StoredArray, lengths: np.ndarray) -> FeatureTable:
    """Build the table of ragged frames: flat (sum T, D), or padded (N, T, D).

    Raises:
        Mismatch: the lengths do not fit the array.
    """
    lengths = np.asarray(lengths).astype(np.int64).reshape(-1)
    padded = len(array.shape) == 3
    longest = array.shape[1] if padded else int(lengths.sum())
    fits = len(lengths) == len(ids) and (lengths >= 0).all() and (lengths <= longest).all()
    if len(array.shape) not in (2, 3) or not fits or (not padded and longest != array.shape[0]):
        raise Mismatch(
            f"{path}: the numbers of frames do not fit the frames",
            expected=f"{len(ids)} numbers of frames, with {' x '.join(map(str, array.shape))} numbers in all",
            got=f"{len(lengths)} numbers from {lengths.min(initial=0)} to {lengths.max(initial=0)}",
        )
    blocks = (lambda: _trim(array, lengths)) if padded else array.blocks
    return FeatureTable(tuple(ids), "frames", array.shape[-1:], blocks, lengths, array.dtype)


def build_rows(path: Path, ids: Sequence[str], rows: Sequence[StoredArray], options: ReadOptions) -> FeatureTable:
    """Build the table of one array per utterance: vectors (D,), or frames (T, D).

    Raises:
        BadValue: they differ in their number of dimensions or columns.
    """
    shapes = {row.shape[-1:] if len(row.shape) == 2 and options.kind != "layers" else row.shape for row in rows}
    depths = {len(row.shape) for row in rows}
    if len(shapes) != 1 or len(depths) != 1 or depths - {1, 2}:
        raise BadValue(
            f"{path}: the arrays of the utterances differ in shape",
            expected="one vector (D) for each, or frames (T, D) of one width",
            got=", ".join(" x ".join(map(str, shape)) for shape in sorted({row.shape for row in rows})[:5]),
        )
    ragged = depths == {2} and options.kind != "layers"
    kind = choose_kind(options, ragged=ragged, what=str(path))
    lengths = np.array([row.shape[0] for row in rows], np.int64) if ragged else None
    (shape,) = shapes
    dtype = np.result_type(*{row.dtype for row in rows})
    return FeatureTable(tuple(ids), kind, shape, lambda: _gather(rows, ragged=ragged), lengths, dtype)


def _trim(array: StoredArray, lengths: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the true frames of a padded array."""
    starts = np.concatenate([[0], lengths.cumsum()])
    for start, values in array.blocks():
        mask = np.arange(array.shape[1]) < lengths[start : start + len(values), None]
        yield int(starts[start]), values[mask]


def _gather(rows: Sequence[StoredArray], *, ragged: bool) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the rows together, as many as fit into a block."""
    start, size, waiting = 0, 0, list[np.ndarray]()
    for row in rows:
        values = row.read()
        waiting.append(values if ragged else values[None])
        size += values.nbytes
        if size >= BLOCK:
            yield start, np.concatenate(waiting)
            start, size, waiting = start + sum(map(len, waiting)), 0, []
    if waiting:
        yield start, np.concatenate(waiting)

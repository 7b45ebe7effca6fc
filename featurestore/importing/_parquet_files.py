"""Read features from `.parquet` files, batch by batch: columns of numbers, or one column of lists."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import BadValue
from featurestore.importing._columns import choose_columns
from featurestore.importing._frame_runs import group_runs
from featurestore.importing._named_arrays import check_id_count
from featurestore.importing.feature_table import (
    BLOCK,
    FeatureTable,
    ReadOptions,
    StoredArray,
    build_frames,
    build_vectors,
)
from featurestore.storage.parquet import load_pyarrow

_BUFFER = 1 << 14  # bytes that a column is read ahead


@contextmanager
def open_parquet(path: Path, options: ReadOptions) -> Iterator[FeatureTable]:
    """Open a Parquet file. A column of lists of lists holds frames.

    Raises:
        Unavailable: pyarrow is not installed.
        BadValue: columns are missing, or rows differ in width.
    """
    arrow, parquet = load_pyarrow()
    with parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
        yield _Reader(path, file, options, arrow).build()


class _Reader:
    """The columns of one file."""

    def __init__(self, path: Path, file: Any, options: ReadOptions, arrow: Any) -> None:
        self.path, self.file, self.options = path, file, options
        self.types, self.compute = arrow.types, arrow.compute
        self.schema = {field.name: field.type for field in file.schema_arrow}
        numeric = {name: self._is_number(kind) for name, kind in self.schema.items()}
        lists = [
            name for name, kind in self.schema.items() if self._is_number(self._unwrap(kind)) and not numeric[name]
        ]
        self.columns = choose_columns(path, numeric, lists, options.array, options.id_column)
        self.is_list = self.columns.features[0] in lists

    def build(self) -> FeatureTable:
        """Build the table. Ids, and lengths of frames, are read first."""
        check_id_count(self.path, self.file.metadata.num_rows)
        ids = [str(one) for batch in self._read([self.columns.id]) for one in batch.column(0).to_pylist()]
        shape = self._find_shape()
        if self.is_list and len(shape) == 2 and self._is_ragged():
            lengths = self._read_lengths()
            frames = StoredArray(
                (int(lengths.sum()), shape[1]), self._find_dtype(), lambda: self._read_frames(shape[1])
            )
            table = build_frames(self.path, ids, frames, lengths)
        elif self.options.kind == "frames":
            names, lengths = group_runs(ids)
            table = build_frames(self.path, names, self._make_array(len(ids), shape), lengths)
        else:
            table = build_vectors(self.path, ids, self._make_array(len(ids), shape), self.options)
        names = () if self.is_list else self.columns.features
        return replace(table, columns=names, notes=self.columns.notes)

    def _make_array(self, rows: int, shape: tuple[int, ...]) -> StoredArray:
        return StoredArray((rows, *shape), self._find_dtype(), lambda: self._read_vectors(shape))

    def _find_dtype(self) -> np.dtype:
        kinds = {self._unwrap(self.schema[name]) for name in self.columns.features}
        return np.result_type(*(np.dtype(kind.to_pandas_dtype()) for kind in kinds))

    def _is_number(self, kind: Any) -> bool:
        return bool(self.types.is_floating(kind) or self.types.is_integer(kind))

    def _is_any_list(self, kind: Any) -> bool:
        types = self.types
        return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))

    def _unwrap(self, kind: Any) -> Any:
        while self._is_any_list(kind):
            kind = kind.value_type
        return kind

    def _is_ragged(self) -> bool:
        """Tell whether the lists hold frames, of another number for each row."""
        return not self.types.is_fixed_size_list(self.schema[self.columns.features[0]])

    def _find_shape(self) -> tuple[int, ...]:
        """Return the shape of one row, or of `frames` (0, D). Lists of any length are measured by the first row."""
        if not self.is_list:
            return (len(self.columns.features),)
        kind, values = self.schema[self.columns.features[0]], None
        shape: list[int] = []
        while self._is_any_list(kind):
            if self.types.is_fixed_size_list(kind):
                shape.append(kind.list_size)
            else:
                values = self._read_first() if values is None else values
                shape.append(_measure(values, len(shape)))
            kind = kind.value_type
        return tuple(shape)

    def _read_first(self) -> Any:
        batch = next(self.file.iter_batches(batch_size=1, columns=list(self.columns.features)), None)
        return batch.column(0).to_pylist()[0] if batch is not None else None

    def _read(self, names: list[str], rows: int = 1 << 16) -> Iterator[Any]:
        return iter(self.file.iter_batches(batch_size=rows, columns=names))

    def _read_lengths(self) -> np.ndarray:
        batches = self._read(list(self.columns.features), self._count_rows((256, *self._find_shape()[1:])))
        found = [self._count_items(batch.column(0), 0) for batch in batches]
        return np.concatenate(found).astype(np.int64) if found else np.empty(0, np.int64)

    def _read_frames(self, width: int) -> Iterator[tuple[int, np.ndarray]]:
        start = 0
        for batch in self._read(list(self.columns.features), self._count_rows((256, width))):
            values = self._flatten(batch.column(0).flatten(), width)
            yield start, values
            start += len(values)

    def _read_vectors(self, shape: tuple[int, ...]) -> Iterator[tuple[int, np.ndarray]]:
        start = 0
        for batch in self._read(list(self.columns.features), self._count_rows(shape)):
            yield start, self._convert(batch, shape)
            start += len(batch)

    def _count_rows(self, shape: tuple[int, ...]) -> int:
        return max(1, BLOCK // (8 * max(1, int(np.prod(shape)))))

    def _convert(self, batch: Any, shape: tuple[int, ...]) -> np.ndarray:
        """Return the rows of a batch (n, *shape). Missing numbers are NaN, which is refused later."""
        if not self.is_list:
            columns = [_to_numbers(column) for column in batch.columns]
            return np.stack(columns, axis=1)
        return self._flatten(batch.column(0), *shape)

    def _count_items(self, column: Any, missing: int) -> np.ndarray:
        found: np.ndarray = self.compute.list_value_length(column).fill_null(missing).to_numpy(zero_copy_only=False)
        return found

    def _flatten(self, column: Any, *shape: int) -> np.ndarray:
        rows = len(column)
        for size in shape:
            lengths = self._count_items(column, -1)
            if (lengths != size).any():
                raise BadValue(
                    f"{self.path}: the lists of column {self.columns.features[0]} differ in length, or one is missing",
                    expected=f"{size} numbers in each, as in the first row",
                    got=str(int(lengths[lengths != size][0])) if (lengths >= 0).all() else "a missing list",
                    do="frames are lists of lists",
                )
            column = column.flatten()
        return _to_numbers(column).reshape(rows, *shape)


def _measure(values: Any, depth: int) -> int:
    """Return the length of the first list at a depth."""
    for _ in range(depth):
        values = values[0] if values else None
    return len(values) if values is not None else 0


def _to_numbers(column: Any) -> np.ndarray:
    found: np.ndarray = column.to_numpy(zero_copy_only=False)
    return found

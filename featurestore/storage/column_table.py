"""Hold a table by column, in Arrow's layout, and read one from a CSV file that leaves no doubt."""

import codecs
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

TEXT, REPEATED, NUMBER = "text", "repeated text", "number"  # the values of a column
_TYPES = {TEXT: pa.string(), REPEATED: pa.dictionary(pa.int32(), pa.string()), NUMBER: pa.float64()}
_LONGEST_HEADER = 1 << 16  # bytes
_BLOCK = 1 << 20  # bytes


class ColumnTable:
    """Columns of text, and of numbers that may be None. Rows are N.

    Args:
        table: its columns, none of text with nulls.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @classmethod
    def from_columns(cls, columns: Mapping[str, Iterable[Any]], kinds: Mapping[str, str]) -> Self:
        """Build a table of Python values.

        Args:
            columns: the values (N,) by name.
            kinds: `TEXT`, `REPEATED` for text of few different values, or `NUMBER`, by name.
        """
        return cls(pa.table({name: pa.array(values, _TYPES[kinds[name]]) for name, values in columns.items()}))

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle these rows alone. A table of Arrow pickles all that its memory holds."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._table.schema) as stream:
            stream.write_table(self._table)
        return _load_stream, (sink.getvalue().to_pybytes(),)

    def list_values(self, name: str) -> list[Any]:
        """Return a column as Python values."""
        return [value for chunk in self._table[name].chunks for value in _list_chunk(chunk)]

    def list_row(self, row: int) -> list[Any]:
        """Return the values of one row, in the order of the columns."""
        return [column[row].as_py() for column in self._table.columns]

    def cut(self, start: int, stop: int) -> Self:
        """Return consecutive rows, without a copy."""
        return type(self)(self._table.slice(start, max(stop - start, 0)))

    def take(self, rows: Sequence[int] | np.ndarray) -> Self:
        """Return the rows with these numbers, in this order."""
        return type(self)(self._table.take(pa.array(rows, pa.int64())))

    def count_different(self, name: str) -> int:
        """Count the different values of a column."""
        return int(pc.count_distinct(self._table[name]).as_py())

    def find_rows(self, name: str, values: np.ndarray) -> np.ndarray | None:
        """Find each row's value of a column of different texts among other texts.

        Args:
            name: of the column.
            values: different texts (M,) as fixed-width UTF-8 bytes.

        Returns:
            For each row the place of its text in `values`, or -1, int64 (N,). None where each is at its own place.
        """
        column, found = self._table[name], pa.array(np.asarray(values), pa.binary()).cast(pa.string())
        if len(found) == len(column) and pc.all(pc.equal(column, found), min_count=0).as_py():
            return None
        places = pc.fill_null(pc.index_in(column, value_set=found), -1)
        return np.concatenate([np.empty(0, np.int64), *map(np.from_dlpack, places.chunks)])


def read_plain_csv(path: Path, kinds: Mapping[str, str]) -> ColumnTable | None:
    """Read columns of a CSV file in UTF-8, or return None if only a careful reader can tell what it holds.

    Python's reader of CSV gives the same wherever a table is returned. None is returned for a header with quotes, for a
    missing column, for rows that differ in length, for numbers in an unusual notation, infinities included, for bytes
    that are not UTF-8, and for very long rows.

    Args:
        path: of the file. Its first row names the columns.
        kinds: of the columns to read, by name, in the order of the table. Other columns are ignored.
    """
    try:
        with path.open("rb") as file:
            names = _read_header(file)
            if names is None or not set(kinds) <= set(names):
                return None
            if len(names) > len(kinds):  # columns that are ignored are not decoded below
                _check_encoding(file)
            file.seek(0)
            table = _read_body(file, names, kinds)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return ColumnTable(table) if _is_finite(table, kinds) else None


def _load_stream(content: bytes) -> ColumnTable:
    return ColumnTable(pa.ipc.open_stream(content).read_all())


def _read_header(file: BinaryIO) -> list[str] | None:
    """Return the names of the columns, or None if they may be meant in another way."""
    line = file.readline(_LONGEST_HEADER)
    text = line.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    names = text.split(",")
    is_plain = line.endswith(b"\n") and not any(mark in text for mark in '"\r') and len(set(names)) == len(names)
    return names if is_plain else None


def _check_encoding(file: BinaryIO) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    while block := file.read(_BLOCK):
        decoder.decode(block)
    decoder.decode(b"", final=True)


def _read_body(file: BinaryIO, names: Sequence[str], kinds: Mapping[str, str]) -> pa.Table:
    """Read the rows after the header. Types are declared: nothing is guessed from the values."""
    return csv.read_csv(
        file,
        # one thread: a process that is forked later must not have others
        csv.ReadOptions(column_names=names, skip_rows=1, use_threads=False, block_size=_BLOCK),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types={name: _TYPES[kind] for name, kind in kinds.items()},
            include_columns=list(kinds),
            null_values=[""],
            strings_can_be_null=False,
        ),
    )


def _is_finite(table: pa.Table, kinds: Collection[str] | Mapping[str, str]) -> bool:
    numbers = [name for name in kinds if table.schema.field(name).type == pa.float64()]
    return all(pc.all(pc.is_finite(table[name]), min_count=0).as_py() is not False for name in numbers)


def _list_chunk(chunk: pa.Array) -> list[Any]:
    if not isinstance(chunk, pa.DictionaryArray):
        values: list[Any] = chunk.to_pylist()
        return values
    texts = np.array([*chunk.dictionary.to_pylist(), None], object)[:-1]
    return list(texts[np.from_dlpack(chunk.indices)].tolist())  # `to_numpy` would import pandas

"""Read features from `.csv` and `.tsv` files, a few thousand rows at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import BadValue
from featurestore.importing._columns import ChosenColumns, choose_columns
from featurestore.importing._frame_runs import group_runs
from featurestore.importing.feature_table import FeatureTable, ReadOptions, StoredArray, build_frames, build_vectors

_ROWS = 4096  # read at a time
_SAMPLE = 100  # rows from which the columns are chosen


@contextmanager
def open_delimited(path: Path, options: ReadOptions) -> Iterator[FeatureTable]:
    """Open a table with a column of ids, and columns of numbers or one column of lists.

    With the kind `frames`, consecutive rows of the same id are the frames of an utterance.

    Raises:
        BadValue: columns are missing, or a cell is no number.
    """
    yield _build(path, options)


def _build(path: Path, options: ReadOptions) -> FeatureTable:
    read = partial(_read, path, _find_delimiter(path))
    sample = read(nrows=_SAMPLE)
    if list(sample.index[:1]) not in ([], [0]):  # pandas takes cells beyond the header as an index
        raise BadValue(f"{path}: the first row has more cells than the header", do="name every column")
    lists = [name for name in sample if sample[name].dtype.kind not in "fiub" and _is_list(sample[name])]
    numeric = {str(name): sample[name].dtype.kind in "fiu" for name in sample}
    columns = choose_columns(path, numeric, lists, options.array, options.id_column)
    ids: list[str] = []
    with read(usecols=[columns.id], converters={columns.id: str}, chunksize=_ROWS) as chunks:
        for chunk in chunks:
            ids += [one.strip().strip("'\"") for one in chunk[columns.id]]
    is_list = columns.features[0] in lists
    width = len(_parse_list(sample[columns.features[0]].iloc[0])) if is_list else len(columns.features)
    array = StoredArray(
        (len(ids), width), np.dtype(np.float64), lambda: _read_blocks(path, read, columns, width, is_list)
    )
    if options.kind == "frames":
        found = build_frames(path, *_swap(ids, array))
    else:
        found = build_vectors(path, ids, array, options)
    names = () if is_list else columns.features
    return replace(found, dtype=np.dtype(np.float32), columns=names, notes=columns.notes)  # text has no type


def _swap(ids: list[str], array: StoredArray) -> tuple[tuple[str, ...], StoredArray, np.ndarray]:
    names, lengths = group_runs(ids)
    return names, array, lengths


def _read(path: Path, delimiter: str, **options: Any) -> Any:
    import pandas

    return pandas.read_csv(path, sep=delimiter, encoding="utf-8-sig", **options)


def _find_delimiter(path: Path) -> str:
    """Return the commonest of tab, semicolon and comma in the first line."""
    with path.open("rb") as file:
        line = file.readline(1 << 24)
    counts = {mark: line.count(mark.encode()) for mark in ("\t", ";", ",")}
    return max(counts, key=lambda mark: counts[mark])


def _read_blocks(
    path: Path, read: Any, columns: ChosenColumns, width: int, is_list: bool
) -> Iterator[tuple[int, np.ndarray]]:
    start = 0
    with read(usecols=list(columns.features), chunksize=_ROWS) as chunks:
        for chunk in chunks:
            cells = chunk[list(columns.features)]
            values = _parse_lists(path, cells, width, start) if is_list else _to_numbers(path, cells, start)
            yield start, values
            start += len(values)


def _to_numbers(path: Path, cells: Any, start: int) -> np.ndarray:
    """Return the numbers of some rows. An empty cell is NaN, which is refused later."""
    try:
        found: np.ndarray = cells.to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        raise _refuse_text(path, cells, start) from None
    return found


def _refuse_text(path: Path, cells: Any, start: int) -> BadValue:
    import pandas

    for name in cells:
        bad = pandas.to_numeric(cells[name], errors="coerce").isna() & cells[name].notna()
        if bad.any():
            place = int(np.flatnonzero(bad)[0])
            return BadValue(
                f"{path}, row {start + place + 2}: column {name} is no number",
                expected="a number",
                got=repr(cells[name].iloc[place]),
            )
    return BadValue(f"{path}: a cell after row {start + 1} is no number", expected="numbers")


def _is_list(column: Any) -> bool:
    first = column.dropna()
    return len(first) > 0 and str(first.iloc[0]).lstrip().startswith("[")


def _parse_list(cell: Any) -> np.ndarray:
    """Parse numbers in brackets, separated by commas or by spaces as NumPy prints them."""
    return np.array(str(cell).strip().strip("[]").replace(",", " ").split(), np.float64)


def _parse_lists(path: Path, cells: Any, width: int, start: int) -> np.ndarray:
    values = np.empty((len(cells), width))
    for row, cell in enumerate(cells.iloc[:, 0]):
        try:
            values[row] = _parse_list(cell)
        except ValueError:
            raise BadValue(
                f"{path}, row {start + row + 2}: column {cells.columns[0]} is no list of {width} numbers",
                expected=f"[…] with {width} numbers, as in the first row",
                got=str(cell)[:60],
            ) from None
    return values

"""Write the rows of a table to their places in a feature file, block by block."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from featurestore.errors import BadValue, Mismatch
from featurestore.importing._finite_values import ValueCheck
from featurestore.importing.feature_table import FeatureTable
from featurestore.storage import schema
from featurestore.storage.feature_writer import Writer, open_writer
from featurestore.storage.schema import Header


def choose_dtype(kind: str, table_dtype: np.dtype | None) -> np.dtype:
    """Return the type to store: float32, or float16 for layers that have it, as the store's own."""
    return np.dtype(np.float16 if kind == "layers" and table_dtype == np.float16 else np.float32)


def write_table(
    path: Path,
    source: Path,
    table: FeatureTable,
    rows: Sequence[int],
    fixed: Mapping[str, np.ndarray],
    header: Header,
    dtype: np.dtype,
    check_source: Callable[[], None],
) -> None:
    """Write a feature file with at most one block of values in memory.

    Args:
        path: the feature file, which is replaced in one step.
        source: the file of the table, for messages.
        table: the features.
        rows: of the table, in the order of the feature file.
        fixed: the other datasets, whole.
        header: the attributes.
        dtype: of the stored values.
        check_source: called after the last block is read; what it raises discards the new file.

    Raises:
        BadValue: a value is NaN, infinite or too large for float32. Nothing is replaced.
    """
    # One vector for each row is one frame for each row.
    lengths = np.ones(len(table.ids), np.int64) if table.lengths is None else table.lengths
    origins = np.concatenate([[0], lengths.cumsum()])
    offsets = np.concatenate([[0], lengths[np.asarray(rows, np.int64)].cumsum()])
    targets = np.full(len(table.ids), -1, np.int64)  # the first frame of each row in the feature file
    targets[np.asarray(rows, np.int64)] = offsets[:-1]
    ragged = table.lengths is not None
    name = schema.VALUES if ragged else table.kind
    columns = dict(fixed) | ({schema.OFFSETS: offsets} if ragged else {})
    layout = {one: (values.shape, values.dtype) for one, values in columns.items()}
    layout[name] = ((int(offsets[-1]), *table.shape), dtype)
    check = ValueCheck(dtype)
    with open_writer(path, layout, header) as writer:
        for one, values in columns.items():
            writer.put(one, values)
        written = 0
        for start, values in table.blocks():
            written += _write_block(writer, name, start, values, origins, targets, check, table.ids)
        _check_complete(source, written, int(offsets[-1]))
        check.raise_if_any(source, table.columns)
        check_source()


def _write_block(
    writer: Writer,
    name: str,
    start: int,
    values: np.ndarray,
    origins: np.ndarray,
    targets: np.ndarray,
    check: ValueCheck,
    ids: Sequence[str],
) -> int:
    """Write a block to its places, and return how many of its rows or frames were wanted."""
    frames = np.arange(start, start + len(values))
    owners = np.searchsorted(origins, frames, side="right") - 1  # the row of each frame
    is_wanted = targets[owners] >= 0
    if not is_wanted.all():
        values, owners, frames = values[is_wanted], owners[is_wanted], frames[is_wanted]
    stored = check.convert(values, owners, ids)
    places = targets[owners] + frames - origins[owners]
    for first, last in _find_runs(places):
        writer.put(name, stored[first:last], int(places[first]))
    return len(places)


def _check_complete(source: Path, written: int, wanted: int) -> None:
    """Raise Mismatch if a file had fewer rows or frames than it announced: the rest would be left unwritten."""
    if written != wanted:
        raise Mismatch(f"{source} is incomplete", expected=f"{wanted} vectors", got=str(written), do="write it again")


def _find_runs(places: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the beginning and the end of each run of frames that lie side by side in the feature file."""
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    return pairwise([0, *breaks.tolist(), len(places)] if len(places) else [])


def check_width(source: Path, table: FeatureTable, classes: Sequence[str]) -> None:
    """Check that logits have as many columns as classes.

    Raises:
        BadValue: they have not.
    """
    if table.kind == "logits" and len(classes) != table.shape[-1]:
        raise BadValue(
            f"{source} holds logits of {table.shape[-1]} classes",
            expected=f"the name of each: --classes with {table.shape[-1]} names, in the order of the columns",
            got=", ".join(classes) or "none",
        )

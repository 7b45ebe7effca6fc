"""Copy rows of a feature file into the feature file of a shard, so that no vector is computed again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.feature_writer import Writer, encode_text, open_writer

_ROWS = (*schema.ROWS, schema.ID, schema.KEY, schema.CONTENT)
_FAILED = (schema.FAILED_ID, schema.FAILED_REASON, schema.FAILED_KEY)
_BLOCK = 1 << 24  # bytes copied at a time


def copy_rows(source: FeatureFile, target: Path, ids: Sequence[str], manifest: str) -> bool:
    """Write the rows and failures of some utterances of a feature file into a new one.

    Args:
        source: the feature file.
        target: the new file.
        ids: the utterances of the new file, in its manifest's order; those that the source lacks are left out.
        manifest: sha256 of the new file's manifest; that of the source is kept where this is empty.

    Returns:
        Whether it was written: False where a file of these rows is there already.

    Raises:
        OSError: the disk is full or not writable.
    """
    rows = np.array([source.rows[one] for one in ids if one in source.rows], np.int64)
    header = replace(source.header, digests={}, manifest=manifest or source.header.manifest)
    if _is_copied(source, target, rows, header):
        return False
    columns = _list_columns(source, rows, set(ids))
    layout: dict[str, tuple[tuple[int, ...], Any]] = {
        name: (values.shape, values.dtype) for name, values in columns.items()
    }
    layout |= {name: ((len(rows), *source[name].shape[1:]), source[name].dtype) for name in _list_copied(source)}
    for name, offsets in _list_ragged(source):
        layout[name] = ((int(columns[offsets][-1]), *source[name].shape[1:]), source[name].dtype)
    with open_writer(target, layout, header) as writer:
        for name, values in columns.items():
            writer.put(name, values)
        for name in _list_copied(source):
            _copy(writer, name, source[name], _find_runs(rows))
        for name, offsets in _list_ragged(source):
            _copy(writer, name, source[name], _find_values(source[offsets], rows))
    source.release()
    return True


def _list_copied(source: FeatureFile) -> list[str]:
    return [name for name in _ROWS if name in source]


def _list_ragged(source: FeatureFile) -> list[tuple[str, str]]:
    """List the ragged datasets of a file, each with its offsets."""
    return [(values, offsets) for values, offsets in schema.RAGGED.values() if values in source]


def _is_copied(source: FeatureFile, target: Path, rows: np.ndarray, header: schema.Header) -> bool:
    """Tell whether a file holds these rows of the source already, by its header and its keys."""
    if not target.is_file():
        return False
    file = FeatureFile(target)
    same = replace(file.header, digests={}) == header and file.names == source.names and schema.KEY in source
    return same and len(file[schema.KEY]) == len(rows) and bool((file[schema.KEY] == source[schema.KEY][rows]).all())


def _list_columns(source: FeatureFile, rows: np.ndarray, ids: set[str]) -> Mapping[str, np.ndarray]:
    """Return the small datasets, whole: failures of these ids, offsets of ragged ones, and the training utterances."""
    failed = [row for row, one in enumerate(source.text(schema.FAILED_ID)) if one in ids]
    found = {name: np.asarray(source[name])[failed] for name in _FAILED if name in source}
    found |= {name: np.asarray(source[name]) for name in source.names if name.startswith("trained_on/")}
    if not failed:
        found |= {name: encode_text([]) for name in (schema.FAILED_ID, schema.FAILED_REASON)}
    for _, offsets in _list_ragged(source):
        lengths = np.diff(np.asarray(source[offsets]))[rows]
        found[offsets] = np.concatenate([[0], lengths.cumsum()]).astype(source[offsets].dtype)
    return found


def _find_runs(rows: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and the last row, plus one, of each run of rows that lie side by side."""
    if not len(rows):
        return []
    breaks = np.flatnonzero(np.diff(rows) != 1)
    starts, ends = rows[np.concatenate([[0], breaks + 1])], rows[np.concatenate([breaks, [len(rows) - 1]])]
    return list(zip(starts.tolist(), (ends + 1).tolist(), strict=True))


def _find_values(offsets: np.ndarray, rows: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and the last value, plus one, of each run of rows in a ragged dataset."""
    return [(int(offsets[start]), int(offsets[stop])) for start, stop in _find_runs(rows)]


def _copy(writer: Writer, name: str, values: np.ndarray, runs: Sequence[tuple[int, int]]) -> None:
    written = 0
    for start, stop in _cut_runs(runs, max(1, _BLOCK // max(1, values[:1].nbytes))):
        writer.put(name, values[start:stop], written)
        written += stop - start


def _cut_runs(runs: Sequence[tuple[int, int]], step: int) -> Iterator[tuple[int, int]]:
    for first, last in runs:
        for start in range(first, last, step):
            yield start, min(start + step, last)

"""Joining: vectors from parts and from the last finished file become the new finished file, in manifest order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from featurestore import schema
from featurestore.featurefile import FeatureFile, Writer, encode_text, writing
from featurestore.parts import RETRY, Failure, Known, failure_columns, key_bytes
from featurestore.schema import Header

_BLOCK = 1 << 24  # bytes of one dataset that are held at a time


@dataclass
class _Source:
    """A file, and which of its rows (`origins`) become which rows of the finished file (`targets`)."""

    file: FeatureFile
    targets: list[int] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)


def join(
    path: Path,
    id_keys: Mapping[str, str],
    known: Known,
    failures: Sequence[Failure],
    trained_on: Sequence[str],
    header: Header,
) -> None:
    """Writes the finished file; holds one block of one dataset at a time, however many utterances there are.

    Args:
        path: the finished file.
        id_keys: the key of each utterance, in manifest order.
        known: where every key's vector is.
        failures: of the utterances that have no vector.
        trained_on: the utterances that the checkpoint was tuned on.
        header: its attributes.
    """
    rows = [name for name, key in id_keys.items() if key in known.where]
    sources = _sources([id_keys[name] for name in rows], known)
    fixed = {
        schema.ID: encode_text(rows),
        schema.KEY: key_bytes([id_keys[name] for name in rows]),
        schema.TRAINED_ON: encode_text(trained_on),
        **failure_columns(failures),
    }
    ragged = all(schema.VALUES in source.file for source in sources)
    if ragged:
        fixed[schema.OFFSETS] = _offsets(sources, len(rows))
    layout = {name: (values.shape, values.dtype) for name, values in fixed.items()}
    layout |= _row_layout(sources, len(rows))
    if ragged:
        layout[schema.VALUES] = _layout(schema.VALUES, int(fixed[schema.OFFSETS][-1]), sources)
    with writing(path, layout, header) as writer:
        for name, values in fixed.items():
            writer.put(name, values)
        for source in sources:
            _copy_rows(writer, source, [name for name in schema.ROWS if name in layout])
            if ragged:
                _copy_frames(writer, source, fixed[schema.OFFSETS])


def failures(id_keys: Mapping[str, str], known: Known, retry: Sequence[Failure]) -> list[Failure]:
    """Why each utterance that has no vector has none.

    Args:
        id_keys: the key of each utterance, in manifest order.
        known: vectors, and failures that are final.
        retry: failures that are not final; they are listed, and tried again by the next run.
    """
    again = {id_keys[failure.id]: failure.reason for failure in retry}
    found = []
    for name, key in id_keys.items():
        if key in known.failures:
            found.append(replace(known.failures[key], id=name))
        elif key not in known.where:
            found.append(Failure(name, RETRY, again.get(key, "its part was lost before it was joined")))
    return found


def _sources(row_keys: Sequence[str], known: Known) -> list[_Source]:
    found: dict[int, _Source] = {}
    for target, key in enumerate(row_keys):
        index, origin = known.where[key]
        source = found.setdefault(index, _Source(known.files[index]))
        source.targets.append(target)
        source.origins.append(origin)
    return list(found.values())


def _row_layout(sources: Sequence[_Source], rows: int) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    shared = [name for name in schema.ROWS if all(name in source.file for source in sources)]
    return {name: _layout(name, rows, sources) for name in shared}


def _layout(name: str, rows: int, sources: Sequence[_Source]) -> tuple[tuple[int, ...], np.dtype]:
    arrays = [source.file[name] for source in sources]
    return (rows, *arrays[0].shape[1:]), np.result_type(*[array.dtype for array in arrays])


def _offsets(sources: Sequence[_Source], rows: int) -> np.ndarray:
    """Where each row's frames begin (N+1,)."""
    lengths = np.zeros(rows + 1, np.int64)
    for source in sources:
        lengths[np.array(source.targets) + 1] = np.diff(source.file[schema.OFFSETS])[source.origins]
    return lengths.cumsum()


def _copy_rows(writer: Writer, source: _Source, names: Sequence[str]) -> None:
    order = np.argsort(source.origins, kind="stable")
    targets, origins = np.array(source.targets)[order], np.array(source.origins)[order]
    for name in names:
        width = max(1, source.file[name][:1].nbytes)
        for start, stop in _blocks(origins, max(1, _BLOCK // width)):
            first = int(origins[start])
            values = source.file.read(name, first, int(origins[stop - 1]) + 1)
            for target, origin, length in _runs(targets[start:stop], origins[start:stop]):
                writer.put(name, values[origin - first : origin - first + length], target)


def _copy_frames(writer: Writer, source: _Source, offsets: np.ndarray) -> None:
    starts = source.file[schema.OFFSETS]
    for target, origin in zip(source.targets, source.origins, strict=True):
        frames = source.file.read(schema.VALUES, int(starts[origin]), int(starts[origin + 1]))
        writer.put(schema.VALUES, frames, int(offsets[target]))


def _blocks(origins: np.ndarray, rows: int) -> Iterator[tuple[int, int]]:
    """Cuts ascending row numbers into ranges that span at most so many rows: (start, stop)."""
    start = 0
    while start < len(origins):
        stop = int(np.searchsorted(origins, origins[start] + rows))
        yield start, stop
        start = stop


def _runs(targets: np.ndarray, origins: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Neighbouring rows that stay neighbours move together: (target, origin, length)."""
    breaks = np.flatnonzero((np.diff(targets) != 1) | (np.diff(origins) != 1)) + 1
    for start, stop in zip([0, *breaks], [*breaks, len(targets)], strict=True):
        yield int(targets[start]), int(origins[start]), int(stop - start)

"""Joining: vectors from parts and from the last finished file become the new finished file, in manifest order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np

from featurestore.exposure import TrainedUtterance
from featurestore.extraction.parts import RETRY, Failure, Known, failure_columns, key_bytes
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.feature_writer import Writer, encode_text, writing
from featurestore.storage.schema import Header

_BLOCK = 1 << 24  # bytes of one dataset that are held at a time


Layout = tuple[tuple[int, ...], np.dtype]  # shape and dtype of a dataset


@dataclass(frozen=True)
class _Source:
    """A file, and which of its rows (`origins`) become which rows of the finished file (`targets`, ascending)."""

    file: FeatureFile
    targets: np.ndarray
    origins: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """Where the frames of each row begin."""
        return np.array(self.file[schema.OFFSETS])


def join(
    path: Path,
    id_keys: Mapping[str, str],
    known: Known,
    failures: Sequence[Failure],
    trained_on: Sequence[TrainedUtterance],
    contents: Mapping[str, str],
    header: Header,
) -> None:
    """Writes the finished file; holds one block of one dataset at a time, however many utterances there are.

    Args:
        path: the finished file.
        id_keys: the key of each utterance, in manifest order.
        known: where every key's vector is.
        failures: of the utterances that have no vector.
        trained_on: the utterances that the checkpoint was fine-tuned on.
        contents: by id, the sha256 of what each vector was made from.
        header: its attributes.
    """
    rows = [name for name, key in id_keys.items() if key in known.where]
    sources = _sources([id_keys[name] for name in rows], known)
    fixed = {
        schema.ID: encode_text(rows),
        schema.KEY: key_bytes([id_keys[name] for name in rows]),
        schema.CONTENT: key_bytes([contents[name] for name in rows]),
        **_trained_columns(trained_on),
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
        for name in schema.ROWS:
            if name in layout:
                _copy_rows(writer, sources, name, layout[name])
        if ragged:
            _copy_frames(writer, sources, fixed[schema.OFFSETS])


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


def _trained_columns(trained_on: Sequence[TrainedUtterance]) -> dict[str, np.ndarray]:
    """Lay out the record of training as datasets of one row per utterance."""
    digests = {
        schema.TRAINED_CONTENT: [one.content for one in trained_on],
        schema.TRAINED_CLIP: [one.clip for one in trained_on],
        schema.TRAINED_ORIGIN: [one.origin for one in trained_on],
    }
    ids = {schema.TRAINED_ON: encode_text([one.id for one in trained_on])}
    return ids | {name: key_bytes(values) for name, values in digests.items()}


def _sources(row_keys: Sequence[str], known: Known) -> list[_Source]:
    places = np.array([known.where[key] for key in row_keys], np.int64).reshape(-1, 2)  # (N, 2) file, row
    order = np.argsort(places[:, 0], kind="stable")
    found = []
    for targets in np.split(order, np.flatnonzero(np.diff(places[order, 0])) + 1):
        if len(targets):
            found.append(_Source(known.files[places[targets[0], 0]], targets, places[targets, 1]))
    return found


def _row_layout(sources: Sequence[_Source], rows: int) -> dict[str, Layout]:
    shared = [name for name in schema.ROWS if all(name in source.file for source in sources)]
    return {name: _layout(name, rows, sources) for name in shared}


def _layout(name: str, rows: int, sources: Sequence[_Source]) -> Layout:
    arrays = [source.file[name] for source in sources]
    return (rows, *arrays[0].shape[1:]), np.result_type(*[array.dtype for array in arrays])


def _offsets(sources: Sequence[_Source], rows: int) -> np.ndarray:
    """Where each row's frames begin (N+1,)."""
    lengths = np.zeros(rows + 1, np.int64)
    for source in sources:
        lengths[source.targets + 1] = np.diff(source.starts)[source.origins]
    return lengths.cumsum()


def _copy_rows(writer: Writer, sources: Sequence[_Source], name: str, layout: Layout) -> None:
    """Gathers a block of the finished file from every source, so that it is written in order and hashed on the way."""
    (rows, *shape), dtype = layout
    step = max(1, _BLOCK // max(1, prod(shape) * dtype.itemsize))
    for start in range(0, rows, step):
        block = np.empty((min(step, rows - start), *shape), dtype)
        for source in sources:
            first, last = np.searchsorted(source.targets, (start, start + len(block)))
            if first < last:
                block[source.targets[first:last] - start] = source.file[name][source.origins[first:last]]
                source.file.release()
        writer.put(name, block, start)


def _copy_frames(writer: Writer, sources: Sequence[_Source], offsets: np.ndarray) -> None:
    owner, origin = np.empty(len(offsets) - 1, np.int64), np.empty(len(offsets) - 1, np.int64)
    for index, source in enumerate(sources):
        owner[source.targets], origin[source.targets] = index, source.origins
    for target, (index, row) in enumerate(zip(owner.tolist(), origin.tolist(), strict=True)):
        file = sources[index].file
        start, stop = sources[index].starts[row : row + 2]
        writer.put(schema.VALUES, file.read(schema.VALUES, int(start), int(stop)), int(offsets[target]))

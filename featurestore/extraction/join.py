"""Join vectors from parts and from the last finished file into a new finished file, in manifest order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np

from featurestore.exposure import TrainedUtterance
from featurestore.extraction.part_file import RETRY, Failure, build_failure_columns, pack_digests
from featurestore.extraction.vector_index import VectorIndex
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.feature_writer import Writer, encode_text, open_writer
from featurestore.storage.schema import Header

_BLOCK = 1 << 24  # bytes of one dataset that are in memory at a time

Layout = tuple[tuple[int, ...], np.dtype]  # shape and dtype of a dataset


@dataclass(frozen=True)
class _Source:
    """File whose rows `origins` become the rows `targets` (ascending) of the finished file."""

    file: FeatureFile
    targets: np.ndarray
    origins: np.ndarray

    def read_starts(self, kind: str) -> np.ndarray:
        """Return the index of each row's first value of a ragged kind."""
        return np.array(self.file[schema.RAGGED[kind][1]])


def join(
    path: Path,
    id_keys: Mapping[str, str],
    index: VectorIndex,
    failures: Sequence[Failure],
    trained_on: Sequence[TrainedUtterance],
    contents: Mapping[str, str],
    header: Header,
) -> None:
    """Write the finished file, with at most one block of one dataset in memory.

    Args:
        path: the finished file.
        id_keys: the key of each utterance, in manifest order.
        index: where each key's vector is.
        failures: of the utterances that have no vector.
        trained_on: the utterances that the checkpoint was fine-tuned on.
        contents: by utterance id, the sha256 of the input that each vector was made from.
        header: the attributes.
    """
    ids = [utterance_id for utterance_id, key in id_keys.items() if key in index.rows]
    sources = _find_sources([id_keys[utterance_id] for utterance_id in ids], index)
    fixed = {
        schema.ID: encode_text(ids),
        schema.KEY: pack_digests([id_keys[utterance_id] for utterance_id in ids]),
        schema.CONTENT: pack_digests([contents[utterance_id] for utterance_id in ids]),
        **build_trained_columns(trained_on),
        **build_failure_columns(failures),
    }
    ragged = _list_ragged(sources)
    fixed |= {schema.RAGGED[kind][1]: _compute_offsets(sources, kind, len(ids)) for kind in ragged}
    layout = {name: (values.shape, values.dtype) for name, values in fixed.items()}
    layout |= _plan_rows(sources, len(ids))
    for values, offsets in (schema.RAGGED[kind] for kind in ragged):
        layout[values] = _plan_dataset(values, int(fixed[offsets][-1]), sources)
    with open_writer(path, layout, header) as writer:
        for name, column in fixed.items():
            writer.put(name, column)
        for name in schema.ROWS:
            if name in layout:
                _copy_rows(writer, sources, name, layout[name])
        for kind in ragged:
            _copy_ragged(writer, sources, kind, fixed[schema.RAGGED[kind][1]])


def collect_failures(id_keys: Mapping[str, str], index: VectorIndex, retry: Sequence[Failure]) -> list[Failure]:
    """Return a failure for each utterance that has no vector.

    Args:
        id_keys: the key of each utterance, in manifest order.
        index: vectors, and failures that are final.
        retry: failures that are not final: the file lists them, and the next run tries these utterances again.
    """
    reasons = {id_keys[failure.id]: failure.reason for failure in retry}
    failures = []
    for utterance_id, key in id_keys.items():
        if key in index.failures:
            failures.append(replace(index.failures[key], id=utterance_id))
        elif key not in index.rows:
            failures.append(Failure(utterance_id, RETRY, reasons.get(key, "its part was lost before it was joined")))
    return failures


def build_trained_columns(trained_on: Sequence[TrainedUtterance]) -> dict[str, np.ndarray]:
    """Return the datasets that record what the checkpoint was fine-tuned on, one row per utterance."""
    digests = {
        schema.TRAINED_CONTENT: [one.content for one in trained_on],
        schema.TRAINED_CLIP: [one.clip for one in trained_on],
        schema.TRAINED_ORIGIN: [one.origin for one in trained_on],
    }
    ids = {schema.TRAINED_ON: encode_text([one.id for one in trained_on])}
    return ids | {name: pack_digests(values) for name, values in digests.items()}


def _find_sources(row_keys: Sequence[str], index: VectorIndex) -> list[_Source]:
    places = np.array([index.rows[key] for key in row_keys], np.int64).reshape(-1, 2)  # (N, 2) file, row
    order = np.argsort(places[:, 0], kind="stable")
    sources = []
    for targets in np.split(order, np.flatnonzero(np.diff(places[order, 0])) + 1):
        if len(targets):
            sources.append(_Source(index.files[places[targets[0], 0]], targets, places[targets, 1]))
    return sources


def _plan_rows(sources: Sequence[_Source], rows: int) -> dict[str, Layout]:
    shared = [name for name in schema.ROWS if all(name in source.file for source in sources)]
    return {name: _plan_dataset(name, rows, sources) for name in shared}


def _list_ragged(sources: Sequence[_Source]) -> list[str]:
    return [kind for kind, (values, _) in schema.RAGGED.items() if all(values in source.file for source in sources)]


def _plan_dataset(name: str, rows: int, sources: Sequence[_Source]) -> Layout:
    arrays = [source.file[name] for source in sources]
    return (rows, *arrays[0].shape[1:]), np.result_type(*[array.dtype for array in arrays])


def _compute_offsets(sources: Sequence[_Source], kind: str, rows: int) -> np.ndarray:
    """Compute the index of each row's first value of a ragged kind, and their total (N+1,)."""
    lengths = np.zeros(rows + 1, np.int64)
    for source in sources:
        lengths[source.targets + 1] = np.diff(source.read_starts(kind))[source.origins]
    return lengths.cumsum()


def _copy_rows(writer: Writer, sources: Sequence[_Source], name: str, layout: Layout) -> None:
    """Write a dataset block by block, each gathered from every source, so that it can be hashed in order."""
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


def _copy_ragged(writer: Writer, sources: Sequence[_Source], kind: str, offsets: np.ndarray) -> None:
    values, starts = schema.RAGGED[kind][0], [source.read_starts(kind) for source in sources]
    owner, origin = np.empty(len(offsets) - 1, np.int64), np.empty(len(offsets) - 1, np.int64)
    for index, source in enumerate(sources):
        owner[source.targets], origin[source.targets] = index, source.origins
    for target, (index, row) in enumerate(zip(owner.tolist(), origin.tolist(), strict=True)):
        file = sources[index].file
        start, stop = starts[index][row : row + 2]
        writer.put(values, file.read(values, int(start), int(stop)), int(offsets[target]))

"""What is encoded already: vectors by key, in the finished file and in the parts of an extraction under way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from featurestore import schema
from featurestore.encoders import Encoded
from featurestore.errors import Problem
from featurestore.featurefile import FeatureFile, encode_text, write, writing
from featurestore.schema import Header

# A failure without a key was not the utterance's own fault (memory, a crash): the next run tries it again.
RETRY = "0" * 64


@dataclass(frozen=True)
class Failure:
    """An utterance that could not be encoded."""

    id: str
    key: str
    reason: str


class Known:
    """Vectors and failures by key, gathered from feature files of one encoder.

    Args:
        files: finished file and parts; a damaged part or one of another encoder is left aside and counted.
        fingerprint: of the encoder.
        kinds: what every vector must have; a file that lacks one is left aside.
    """

    def __init__(self, files: Sequence[Path], fingerprint: str, kinds: frozenset[str]) -> None:
        self.files: list[FeatureFile] = []
        self.aside: dict[Path, str] = {}
        self.where: dict[str, tuple[int, int]] = {}
        self.failures: dict[str, Failure] = {}
        for path in files:
            self._add(path, fingerprint, kinds)

    def _add(self, path: Path, fingerprint: str, kinds: frozenset[str]) -> None:
        try:
            file = FeatureFile(path)
        except Problem as problem:
            self.aside[path] = problem.what
            return
        lacking = kinds - set(file.kinds)
        if file.header.fingerprint != fingerprint:
            self.aside[path] = "made by another encoder"
        elif len(file[schema.ID]) and lacking:
            self.aside[path] = f"made without {', '.join(sorted(lacking))}"
        else:
            self.files.append(file)
            for row, key in enumerate(keys(file, schema.KEY)):
                self.where[key] = (len(self.files) - 1, row)
            failed = zip(
                file.text(schema.FAILED_ID), keys(file, schema.FAILED_KEY), file.text(schema.FAILED_REASON), strict=True
            )
            self.failures |= {key: Failure(name, key, reason) for name, key, reason in failed if key != RETRY}

    def __contains__(self, key: str) -> bool:
        return key in self.where or key in self.failures


def keys(file: FeatureFile, name: str) -> list[str]:
    """The keys of a file's rows or failures, as hex."""
    return [row.tobytes().hex() for row in file[name]]


def write_part(
    path: Path,
    ids: Sequence[str],
    row_keys: Sequence[str],
    rows: Sequence[Encoded],
    failed: Sequence[Failure],
    header: Header,
) -> None:
    """Writes one part: the same layout as a finished file, its rows in any order."""
    columns = {schema.ID: encode_text(ids), schema.KEY: _key_bytes(row_keys)} | _failure_columns(failed)
    for kind in rows[0] if rows else ():
        if kind == "frames":
            lengths = [len(row["frames"]) for row in rows]
            columns[schema.OFFSETS] = np.cumsum([0, *lengths], dtype=np.int64)
            columns[schema.VALUES] = np.concatenate([row["frames"] for row in rows])
        else:
            columns[kind] = np.stack([row[kind] for row in rows])
    write(path, columns, header)


def join(
    path: Path,
    ids: Sequence[str],
    id_keys: Mapping[str, str],
    known: Known,
    retry: Sequence[Failure],
    trained_on: Sequence[str],
    header: Header,
) -> None:
    """Joins everything known into the finished file, in the order of `ids`.

    Args:
        path: the finished file.
        ids: the manifest's order.
        id_keys: each utterance's key.
        known: where every key's vector is.
        retry: failures that are not final; they are listed, and tried again by the next run.
        trained_on: the utterances that the checkpoint was tuned on.
        header: its attributes.
    """
    rows = [name for name in ids if id_keys[name] in known.where]
    again = {id_keys[failure.id]: failure.reason for failure in retry}
    failed = [_failure(name, id_keys[name], known, again) for name in ids if id_keys[name] not in known.where]
    fixed = {
        schema.ID: encode_text(rows),
        schema.KEY: _key_bytes([id_keys[name] for name in rows]),
        schema.TRAINED_ON: encode_text(trained_on),
        **_failure_columns(failed),
    }
    sources = [known.where[id_keys[name]] for name in rows]
    ragged = bool(known.files) and all(schema.VALUES in file for file in _used(known, sources))
    if ragged:
        fixed[schema.OFFSETS] = _offsets(known, sources)
    layout = {name: (values.shape, values.dtype) for name, values in fixed.items()}
    layout |= _row_layout(known, sources)
    if ragged:
        layout[schema.VALUES] = _frame_layout(known, sources, int(fixed[schema.OFFSETS][-1]))
    with writing(path, layout, header) as writer:
        for name, values in fixed.items():
            writer.put(name, values)
        for index, file in enumerate(known.files):
            targets, origins = _moves(sources, index)
            for name in set(layout) & set(schema.ROWS):
                values = file[name]
                for target, start, stop in _runs(targets, origins):
                    writer.put(name, values[start:stop], target)
            if ragged:
                for target, origin in zip(targets, origins, strict=True):
                    writer.put(schema.VALUES, file.frames(origin), int(fixed[schema.OFFSETS][target]))


def _failure(name: str, key: str, known: Known, again: Mapping[str, str]) -> Failure:
    if key in known.failures:
        return replace(known.failures[key], id=name)
    return Failure(name, RETRY, again.get(key, "its part was lost before it was joined"))


def _used(known: Known, sources: Sequence[tuple[int, int]]) -> list[FeatureFile]:
    return [known.files[index] for index in sorted({index for index, _ in sources})]


def _row_layout(known: Known, sources: Sequence[tuple[int, int]]) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    used = _used(known, sources)
    shared = [name for name in schema.ROWS if used and all(name in file for file in used)]
    return {
        name: ((len(sources), *used[0][name].shape[1:]), np.result_type(*[file[name].dtype for file in used]))
        for name in shared
    }


def _frame_layout(known: Known, sources: Sequence[tuple[int, int]], total: int) -> tuple[tuple[int, ...], np.dtype]:
    first = _used(known, sources)[0][schema.VALUES]
    return (total, first.shape[1]), first.dtype


def _offsets(known: Known, sources: Sequence[tuple[int, int]]) -> np.ndarray:
    starts = [file[schema.OFFSETS] for file in known.files]
    lengths = [int(starts[index][row + 1] - starts[index][row]) for index, row in sources]
    return np.cumsum([0, *lengths], dtype=np.int64)


def _moves(sources: Sequence[tuple[int, int]], index: int) -> tuple[list[int], list[int]]:
    """Which rows of the finished file come from a file, and from where in it."""
    pairs = [(target, row) for target, (source, row) in enumerate(sources) if source == index]
    return [target for target, _ in pairs], [row for _, row in pairs]


def _runs(targets: Sequence[int], origins: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Neighbouring rows that stay neighbours move together: (target, start, stop)."""
    start = 0
    for position in range(1, len(targets) + 1):
        unbroken = (
            position < len(targets)
            and targets[position] - targets[position - 1] == 1
            and origins[position] - origins[position - 1] == 1
        )
        if not unbroken:
            yield targets[start], origins[start], origins[position - 1] + 1
            start = position


def _key_bytes(values: Sequence[str]) -> np.ndarray:
    return np.frombuffer(bytes.fromhex("".join(values)), np.uint8).reshape(-1, 32)


def _failure_columns(failed: Sequence[Failure]) -> dict[str, np.ndarray]:
    return {
        schema.FAILED_ID: encode_text([failure.id for failure in failed]),
        schema.FAILED_REASON: encode_text([failure.reason for failure in failed]),
        schema.FAILED_KEY: _key_bytes([failure.key for failure in failed]),
    }

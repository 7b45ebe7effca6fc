"""What is encoded already: vectors by key, in the finished file and in the parts of an extraction under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from featurestore.encoders import Encoded
from featurestore.errors import Problem
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.feature_writer import encode_text, write
from featurestore.storage.schema import Header

# Layers are stored in half precision where it holds them: below its largest number, and each vector to within this.
HALF_LARGEST, HALF_ERROR = 65_504.0, 1e-3

# A failure without a key was not the utterance's own fault (memory, a crash): the next run tries it again.
RETRY = "0" * 64
UNKNOWN = "0" * 64  # a digest that is not recorded


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
            for row, key in enumerate(file.keys()):
                self.where[key] = (len(self.files) - 1, row)
            failed = zip(
                file.text(schema.FAILED_ID), file.keys(schema.FAILED_KEY), file.text(schema.FAILED_REASON), strict=True
            )
            self.failures |= {key: Failure(name, key, reason) for name, key, reason in failed if key != RETRY}

    def __contains__(self, key: str) -> bool:
        return key in self.where or key in self.failures

    def content(self, key: str) -> str:
        """Give the sha256 of the content that a vector was made from; empty where its file does not have it."""
        file, row = self.where[key]
        return self.files[file].contents[row]


def write_part(
    path: Path,
    ids: Sequence[str],
    row_keys: Sequence[str],
    contents: Sequence[str],
    rows: Sequence[Encoded],
    failed: Sequence[Failure],
    header: Header,
) -> None:
    """Writes one part: the same layout as a finished file, its rows in any order."""
    columns = {schema.ID: encode_text(ids), schema.KEY: key_bytes(row_keys), schema.CONTENT: key_bytes(contents)}
    columns |= failure_columns(failed)
    for kind in rows[0] if rows else ():
        if kind == "frames":
            lengths = [len(row["frames"]) for row in rows]
            columns[schema.OFFSETS] = np.cumsum([0, *lengths], dtype=np.int64)
            columns[schema.VALUES] = np.concatenate([row["frames"] for row in rows])
        else:
            values = np.stack([row[kind] for row in rows])
            columns[kind] = halved(values) if kind == "layers" else values
    write(path, columns, header)


def halved(values: np.ndarray) -> np.ndarray:
    """Vectors (…, D) as float16 where every one of them survives it, else as they are.

    Survives: every |x| below 65,504, and the norm of the difference at most 1e-3 of the vector's own.
    """
    if not (np.abs(values) < HALF_LARGEST).all():
        return values
    half = values.astype(np.float16)
    error = np.linalg.norm(half.astype(np.float32) - values, axis=-1)
    return half if (error <= HALF_ERROR * np.linalg.norm(values, axis=-1)).all() else values


def key_bytes(values: Sequence[str]) -> np.ndarray:
    """Write keys or digests in hex as bytes (N, 32); zeros for an empty one."""
    return np.frombuffer(bytes.fromhex("".join(value or UNKNOWN for value in values)), np.uint8).reshape(-1, 32)


def failure_columns(failed: Sequence[Failure]) -> dict[str, np.ndarray]:
    """The datasets that record failures."""
    return {
        schema.FAILED_ID: encode_text([failure.id for failure in failed]),
        schema.FAILED_REASON: encode_text([failure.reason for failure in failed]),
        schema.FAILED_KEY: key_bytes([failure.key for failure in failed]),
    }

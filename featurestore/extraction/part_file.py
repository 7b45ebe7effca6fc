"""Write one part of an extraction: vectors, and the failures of utterances that could not be encoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from featurestore.encoders import Encoded
from featurestore.storage import schema
from featurestore.storage.feature_writer import encode_text, write
from featurestore.storage.schema import Header

# Layers are stored in half precision if it holds them: no value above its largest, no vector off by more than 0.1 %.
HALF_LARGEST, HALF_ERROR = 65_504.0, 1e-3

# Key of a failure that is not the utterance's own fault (memory, a crash): the next run tries it again.
RETRY = "0" * 64
UNKNOWN = "0" * 64  # stands for a digest that is not recorded


@dataclass(frozen=True)
class Failure:
    """Failure of one utterance.

    Args:
        id: the utterance's id.
        key: the key that its vector would have, or `RETRY`.
        reason: why it could not be encoded.
    """

    id: str
    key: str
    reason: str


def write_part(
    path: Path,
    ids: Sequence[str],
    row_keys: Sequence[str],
    contents: Sequence[str],
    rows: Sequence[Encoded],
    failures: Sequence[Failure],
    header: Header,
) -> None:
    """Write one part in the layout of a finished file, with its rows in any order.

    Args:
        path: the part's file.
        ids: the utterance id of each row.
        row_keys: the key of each row, in hex.
        contents: sha256 of each row's encoder input, in hex.
        rows: the vectors of each utterance.
        failures: of the utterances that have no row.
        header: the attributes.
    """
    columns = {schema.ID: encode_text(ids), schema.KEY: pack_digests(row_keys), schema.CONTENT: pack_digests(contents)}
    columns |= build_failure_columns(failures)
    for kind in rows[0] if rows else ():
        if kind in schema.RAGGED:
            place, offsets = schema.RAGGED[kind]
            columns[offsets] = np.cumsum([0, *(len(row[kind]) for row in rows)], dtype=np.int64)
            columns[place] = np.concatenate([row[kind] for row in rows])
        else:
            values = np.stack([row[kind] for row in rows])
            columns[kind] = halve_precision(values) if kind == "layers" else values
    write(path, columns, header)


def halve_precision(values: np.ndarray) -> np.ndarray:
    """Convert vectors (…, D) to float16 if that keeps each of them accurate. Otherwise return all of them unchanged.

    A vector stays accurate if every |x| is below 65,504 and the norm of its rounding error is at most 1e-3 of its norm.
    """
    if not (np.abs(values) < HALF_LARGEST).all():
        return values
    half = values.astype(np.float16)
    error = np.linalg.norm(half.astype(np.float32) - values, axis=-1)
    return half if (error <= HALF_ERROR * np.linalg.norm(values, axis=-1)).all() else values


def build_failure_columns(failures: Sequence[Failure]) -> dict[str, np.ndarray]:
    """Return the datasets that record failures, by name."""
    return {
        schema.FAILED_ID: encode_text([failure.id for failure in failures]),
        schema.FAILED_REASON: encode_text([failure.reason for failure in failures]),
        schema.FAILED_KEY: pack_digests([failure.key for failure in failures]),
    }


def pack_digests(digests: Sequence[str]) -> np.ndarray:
    """Convert keys or digests from hex to bytes (N, 32), and empty ones to zeros."""
    packed = bytes.fromhex("".join(digest or UNKNOWN for digest in digests))
    return np.frombuffer(packed, np.uint8).reshape(-1, 32)

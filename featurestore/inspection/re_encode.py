"""Encoding some utterances of a finished file again, to see that the same vectors come out."""

from collections.abc import Sequence

import numpy as np

from featurestore import encoders
from featurestore.encoders import Encoded
from featurestore.errors import Unencodable
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store

TOLERANCE = 1e-4  # of a vector's norm: what batches and machines may change
_HALF = 1e-3  # of what is stored in half precision


def compare(store: Store, file: FeatureFile, spec: EncoderSpec, ids: Sequence[str]) -> tuple[list[str], float]:
    """Encodes utterances one at a time, on the CPU, and compares every kind that the file has.

    Returns:
        a line for each vector that differs, and the largest relative difference of all.
    """
    identity = encoders.identify(spec)
    encoder = encoders.load(identity, "cpu")
    utterances = {row.id: row for row in store.utterances}
    kinds = frozenset(file.kinds)
    differing, largest = [], 0.0
    for name in ids:
        try:
            again = encoders.encode(encoder, [encoder.load(store.item(utterances[name]))], kinds)[0]
        except Unencodable as reason:
            differing.append(f"{name} has a vector, and cannot be encoded now: {reason.what}")
            continue
        for kind, difference in _differences(file, file.rows[name], again).items():
            largest = max(largest, difference)
            if difference > (_HALF if kind == "layers" else TOLERANCE):
                differing.append(f"{kind} of {name} differs by {difference:.1e} of its norm when encoded again")
    return differing, largest


def _differences(file: FeatureFile, row: int, again: Encoded) -> dict[str, float]:
    """The relative difference of each kind; infinite where the shapes differ."""
    stored = {kind: file.frames(row) if kind == "frames" else file[kind][row] for kind in file.kinds}
    return {kind: _relative(values, again[kind]) for kind, values in stored.items()}


def _relative(stored: np.ndarray, again: np.ndarray) -> float:
    if stored.shape != again.shape:
        return float("inf")
    difference = np.linalg.norm(stored.astype(np.float64) - again)
    return float(difference / max(float(np.linalg.norm(again.astype(np.float64))), 1e-12))

"""Encode some utterances of a finished file again, and compare the vectors."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from featurestore import encoders
from featurestore.encoder_inputs import list_inputs
from featurestore.encoders import Encoded
from featurestore.errors import Unencodable
from featurestore.networks.precision import BOUNDS
from featurestore.recognized_words import open_words
from featurestore.spec import FULL, EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store

TOLERANCE = 1e-4  # of a vector's norm; covers other batches and machines
_HALF = 1e-3  # for kinds stored in half precision


def compare(store: Store, file: FeatureFile, spec: EncoderSpec, ids: Sequence[str]) -> tuple[list[str], float]:
    """Encode utterances one at a time, on the CPU in float32, and compare every kind in the file.

    Vectors that were computed in half precision may differ by what `precision.BOUNDS` allows.

    Args:
        store: of the utterances.
        file: the stored vectors.
        spec: the encoder of the file.
        ids: of utterances that have a vector.

    Returns:
        a line for each vector that differs, and the largest relative difference.
    """
    identity = encoders.identify(replace(spec, precision=FULL))
    tolerance = BOUNDS.get(spec.precision, TOLERANCE)
    encoder = encoders.load(identity, "cpu")
    items = {item.id: item for item in list_inputs(open_words(store, identity.description), identity.context)}
    kinds = frozenset(file.kinds)
    differing, largest = [], 0.0
    for utterance_id in ids:
        try:
            again = encoders.encode(encoder, [encoder.load(items[utterance_id])], kinds)[0]
        except Unencodable as reason:
            differing.append(f"{utterance_id} has a vector, but cannot be encoded now: {reason.what}")
            continue
        for kind, difference in _compare_kinds(file, file.rows[utterance_id], again).items():
            largest = max(largest, difference)
            if difference > (max(_HALF, tolerance) if kind == "layers" else tolerance):
                differing.append(f"{kind} of {utterance_id} differs by {difference:.1e} of its norm when encoded again")
    return differing, largest


def _compare_kinds(file: FeatureFile, row: int, again: Encoded) -> dict[str, float]:
    """Compute the relative difference of each kind. It is infinite if the shapes differ."""
    return {kind: _compute_difference(file.read_kind(kind, row), again[kind]) for kind in file.kinds}


def _compute_difference(stored: np.ndarray, again: np.ndarray) -> float:
    if stored.shape != again.shape:
        return float("inf")
    difference = np.linalg.norm(stored.astype(np.float64) - again)
    return float(difference / max(float(np.linalg.norm(again.astype(np.float64))), 1e-12))

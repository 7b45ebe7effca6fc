"""Normalize feature columns: not at all, over the training part, or within each speaker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from featurestore.errors import BadValue, Mismatch

NONE, GLOBAL, SPEAKER = "none", "global", "speaker"
NORMALIZATIONS = (NONE, GLOBAL, SPEAKER)
# stated with every figure that rests on it
NOTES = {
    NONE: "",
    GLOBAL: "each column brought to mean 0 and standard deviation 1 of the training part",
    SPEAKER: "each column brought to mean 0 and standard deviation 1 within each speaker, test speakers included, "
    "over the speaker's own clips without their labels: legitimate only where the speaker is known",
}
_FILE = "normalize.safetensors"

Rows = NDArray[Any]


@dataclass(frozen=True)
class Scaling:
    """The mean and the standard deviation of each column (D,); 1 instead of the latter for a constant column."""

    mean: Rows
    scale: Rows

    def apply(self, X: Rows) -> Rows:
        """Bring each column of rows (N, D) to mean 0 and standard deviation 1 of the rows that were fitted."""
        scaled: Rows = (X - self.mean) / self.scale
        return scaled


def check_normalization(name: str) -> None:
    """Check the name of a normalization.

    Raises:
        BadValue: it is unknown.
    """
    if name not in NORMALIZATIONS:
        raise BadValue(f"unknown normalization {name!r}", expected=", ".join(NORMALIZATIONS))


def normalize(
    train: Rows, test: Rows, normalization: str, speakers: tuple[Sequence[str], Sequence[str]] = ((), ())
) -> tuple[Rows, Rows, Scaling | None]:
    """Normalize training and test rows (N, D), (M, D) without looking at a label.

    Args:
        train: rows of the training and dev parts.
        test: rows of the test part.
        normalization: `none`, `global` or `speaker`.
        speakers: of the training rows and of the test rows; only `speaker` reads them.

    Returns:
        Both, and the scaling of `global`, which also fits later rows.

    Raises:
        Mismatch: `speaker`, and a speaker is unknown.
    """
    if normalization == NONE:
        return train, test, None
    if normalization == GLOBAL:
        scaling = fit_scaling(train)
        return scaling.apply(train), scaling.apply(test), scaling
    names = [*speakers[0], *speakers[1]]
    if not all(names):
        raise Mismatch(
            f"{names.count('')} of {len(names)} utterances have no speaker to normalize by",
            do="fill the column speaker of the manifest, or --normalize global",
        )
    both = _normalize_groups(np.concatenate([train, test]), names)
    return both[: len(train)], both[len(train) :], None


def fit_scaling(X: Rows) -> Scaling:
    """Measure the columns of rows (N, D): summed in float64, returned in X's own precision."""
    mean, scale = X.mean(0, dtype=np.float64), X.std(0, dtype=np.float64)
    constant = scale <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
    return Scaling(mean.astype(X.dtype), np.where(constant, 1, scale).astype(X.dtype))


def list_speakers(speakers: Mapping[str, str], utterance_ids: Sequence[str]) -> list[str]:
    """List the speaker of each utterance, empty where it is unknown."""
    return [speakers.get(utterance_id, "") for utterance_id in utterance_ids]


def save(scaling: Scaling, folder: Path) -> None:
    """Write `normalize.safetensors`."""
    safetensors.save_file({"mean": scaling.mean, "scale": scaling.scale}, folder / _FILE)


def load(folder: Path, columns: int) -> Scaling:
    """Read `normalize.safetensors`.

    Raises:
        ValueError: it has another number of columns.
    """
    tensors = safetensors.load_file(folder / _FILE)
    if {name: tensor.shape for name, tensor in tensors.items()} != dict.fromkeys(("mean", "scale"), (columns,)):
        raise ValueError(f"{_FILE} does not have {columns} columns")
    return Scaling(tensors["mean"], tensors["scale"])


def _normalize_groups(X: Rows, groups: Sequence[str]) -> Rows:
    _, number = np.unique(np.asarray(groups), return_inverse=True)
    out = np.empty_like(X)
    for group in range(int(number.max()) + 1):
        rows = number == group
        out[rows] = fit_scaling(X[rows]).apply(X[rows])
    return out

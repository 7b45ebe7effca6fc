"""Normalize feature columns: not at all, over the training part, or within each speaker."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from featurestore.errors import BadValue, Mismatch
from heads import StreamedMatrix

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

    def apply(self, X: Any) -> Any:
        """Bring each column of rows (N, D) to mean 0 and standard deviation 1 of the rows that were fitted.

        Those of a `StreamedMatrix` are changed when they are read.
        """
        if isinstance(X, StreamedMatrix):
            return X.map(lambda values, _: self.apply(values))
        return (X - self.mean) / self.scale


def check_normalization(name: str) -> None:
    """Check the name of a normalization.

    Raises:
        BadValue: it is unknown.
    """
    if name not in NORMALIZATIONS:
        raise BadValue(f"unknown normalization {name!r}", expected=", ".join(NORMALIZATIONS))


def normalize(
    train: Any, test: Any, normalization: str, speakers: tuple[Sequence[str], Sequence[str]] = ((), ())
) -> tuple[Any, Any, Scaling | None]:
    """Normalize training and test rows (N, D), (M, D) without looking at a label.

    Args:
        train: rows of the training and dev parts, an array or a `StreamedMatrix`.
        test: rows of the test part, of the same type.
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
    if isinstance(train, StreamedMatrix):
        return *_normalize_streamed(train, test, names), None
    both = _normalize_groups(np.concatenate([train, test]), names)
    return both[: len(train)], both[len(train) :], None


def fit_scaling(X: Any) -> Scaling:
    """Measure the columns of rows (N, D): summed in float64, returned in X's own precision."""
    if isinstance(X, StreamedMatrix):
        found = _fit_streamed([X], np.zeros(len(X), np.intp))
        return Scaling(found.mean[0], found.scale[0])
    return _make_scaling(X.mean(0, dtype=np.float64), X.std(0, dtype=np.float64), X.dtype)


def _make_scaling(mean: Rows, scale: Rows, dtype: Any) -> Scaling:
    constant = scale <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
    return Scaling(mean.astype(dtype), np.where(constant, 1, scale).astype(dtype))


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


def _normalize_streamed(
    train: StreamedMatrix, test: StreamedMatrix, groups: Sequence[str]
) -> tuple[StreamedMatrix, StreamedMatrix]:
    """Normalize rows within each group when they are read. What is in memory is one row for each group."""
    _, number = np.unique(np.asarray(groups), return_inverse=True)
    found = _fit_streamed([train, test], number)
    ours, theirs = np.split(number, [len(train)])
    return train.map(partial(_apply_groups, found, ours)), test.map(partial(_apply_groups, found, theirs))


def _apply_groups(found: Scaling, number: NDArray[np.intp], values: Rows, rows: NDArray[np.intp]) -> Rows:
    groups = number[rows]
    scaled: Rows = Scaling(found.mean[groups], found.scale[groups]).apply(values)
    return scaled


def _fit_streamed(parts: Sequence[StreamedMatrix], number: NDArray[np.intp]) -> Scaling:
    """Measure the columns (G, D) of the rows of each group, in two passes over all parts.

    Args:
        parts: one after the other, N rows together.
        number: of the group of each row (N,), from 0 to G - 1.
    """
    counts = np.bincount(number)[:, None]
    mean = _sum_groups(parts, number, lambda values, _: values) / counts
    variance = _sum_groups(parts, number, lambda values, groups: (values - mean[groups]) ** 2) / counts
    return _make_scaling(mean, np.sqrt(variance), parts[0].dtype)


def _sum_groups(
    parts: Sequence[StreamedMatrix], number: NDArray[np.intp], change: Callable[[Rows, NDArray[np.intp]], Rows]
) -> NDArray[np.float64]:
    """Sum changed rows by group, in float64 (G, D)."""
    total: NDArray[np.float64] = np.zeros((int(number.max()) + 1, parts[0].shape[1]))
    start = 0
    for values in (values for part in parts for _, values in part.iterate()):
        groups = number[start : start + len(values)]
        order = np.argsort(groups, kind="stable")
        found, first = np.unique(groups[order], return_index=True)
        total[found] += np.add.reduceat(change(values, groups)[order], first, axis=0, dtype=np.float64)
        start += len(values)
    return total

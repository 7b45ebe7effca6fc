"""Normalize columns by the mean and standard deviation of a training part, which a bundle carries."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

_FILE = "normalize.safetensors"


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each column.

    Args:
        mean: (D,).
        scale: standard deviation (D,); 1 for a constant column.
    """

    mean: NDArray[Any]
    scale: NDArray[Any]

    def apply(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return rows (N, D) with each column shifted by its mean and divided by its standard deviation."""
        scaled: NDArray[Any] = (X - self.mean) / self.scale
        return scaled


def over(X: NDArray[Any]) -> Scaling:
    """Compute the scaling of rows (N, D). Sums are in float64, the result has X's dtype."""
    mean, scale = X.mean(0, dtype=np.float64), X.std(0, dtype=np.float64)
    constant = scale <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
    return Scaling(mean.astype(X.dtype), np.where(constant, 1, scale).astype(X.dtype))


def save(scaling: Scaling, folder: Path) -> None:
    """Write `normalize.safetensors` into a folder."""
    safetensors.save_file({"mean": scaling.mean, "scale": scaling.scale}, folder / _FILE)


def load(folder: Path, columns: int) -> Scaling:
    """Read `normalize.safetensors` from a folder.

    Raises:
        ValueError: it does not have this number of columns.
    """
    tensors = safetensors.load_file(folder / _FILE)
    if {name: tensor.shape for name, tensor in tensors.items()} != dict.fromkeys(("mean", "scale"), (columns,)):
        raise ValueError(f"{_FILE} does not have {columns} columns")
    return Scaling(tensors["mean"], tensors["scale"])

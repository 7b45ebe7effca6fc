"""What normalisation over a training part takes from each column and divides it by; a bundle carries it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

_FILE = "normalize.safetensors"


@dataclass(frozen=True)
class Scaling:
    """The mean and the standard deviation of each column (D,); 1 instead of the latter for a constant one."""

    mean: NDArray[Any]
    scale: NDArray[Any]

    def apply(self, X: NDArray[Any]) -> NDArray[Any]:
        """Rows (N, D) with each column brought to mean 0 and standard deviation 1 of the training part."""
        scaled: NDArray[Any] = (X - self.mean) / self.scale
        return scaled


def over(X: NDArray[Any]) -> Scaling:
    """The scaling of rows (N, D): summed in float64, in X's own precision."""
    mean, scale = X.mean(0, dtype=np.float64), X.std(0, dtype=np.float64)
    constant = scale <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
    return Scaling(mean.astype(X.dtype), np.where(constant, 1, scale).astype(X.dtype))


def save(scaling: Scaling, folder: Path) -> None:
    """Writes `normalize.safetensors`."""
    safetensors.save_file({"mean": scaling.mean, "scale": scaling.scale}, folder / _FILE)


def load(folder: Path, columns: int) -> Scaling:
    """Reads `normalize.safetensors`.

    Raises:
        ValueError: it is not of so many columns.
    """
    tensors = safetensors.load_file(folder / _FILE)
    if {name: tensor.shape for name, tensor in tensors.items()} != dict.fromkeys(("mean", "scale"), (columns,)):
        raise ValueError(f"{_FILE} is not of {columns} columns")
    return Scaling(tensors["mean"], tensors["scale"])

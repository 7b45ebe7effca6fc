"""Nearest class mean on standardized features: an example of a head in one file."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors
from scipy.special import softmax

from heads import Codes, Head, Matrix

__all__ = ["NearestMeanHead"]

KIND = "heads"
_FILE = "nearest_mean.safetensors"


class NearestMeanHead(Head):
    """Give each class the softmax of the negative squared distance to its mean.

    Args:
        sharpness: multiplies the distances, above 0.
    """

    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {"sharpness": (0.1, 1.0, 10.0)}

    means_: NDArray[np.float64]
    scale_: NDArray[np.float64]

    def __init__(self, *, sharpness: float = 1.0) -> None:
        self.sharpness = sharpness

    def save_weights(self, folder: Path) -> None:
        """Write `nearest_mean.safetensors`."""
        safetensors.save_file({"means": self.means_, "scale": self.scale_}, folder / _FILE)

    def load_weights(self, folder: Path) -> None:
        """Read `nearest_mean.safetensors`."""
        tensors = safetensors.load_file(folder / _FILE)
        if tensors["means"].shape != (len(self.classes_), self.n_features_in_):
            raise ValueError(f"{_FILE} is of other classes or columns")
        self.means_, self.scale_ = tensors["means"], tensors["scale"]

    def _fit(self, X: Matrix, codes: Codes) -> None:
        self._check_number("sharpness", low=0)
        self.scale_ = np.std(X, axis=0, dtype=np.float64)
        self.scale_[self.scale_ == 0] = 1
        Z = X / self.scale_
        self.means_ = np.stack([Z[codes == code].mean(axis=0) for code in range(len(self.classes_))])

    def _predict_proba(self, X: Matrix) -> Matrix:
        Z = X / self.scale_  # (N, D)
        distances = ((Z[:, None] - self.means_) ** 2).sum(axis=2)  # (N, C)
        probabilities: Matrix = softmax(-self.sharpness * distances, axis=1)
        return probabilities

"""Mean rating of the nearest utterances: an example of a regressor in one file."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from heads import Matrix, Regressor

__all__ = ["NearestRatingsRegressor"]

KIND = "regressors"
_FILE = "nearest_ratings.safetensors"


class NearestRatingsRegressor(Regressor):
    """Predict the mean of the nearest training utterances.

    Args:
        neighbors: how many, at least 1.
    """

    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {"neighbors": (1, 3, 10)}

    rows_: NDArray[np.float64]
    targets_: NDArray[np.float64]
    scale_: NDArray[np.float64]

    def __init__(self, *, neighbors: int = 3) -> None:
        self.neighbors = neighbors

    def _fit(self, X: Matrix, Z: NDArray[np.float64]) -> None:
        self._check_number("neighbors", low=1, integer=True, inclusive=True)
        self.scale_ = np.std(X, axis=0, dtype=np.float64)
        self.scale_[self.scale_ == 0] = 1
        self.rows_, self.targets_ = X / self.scale_, Z  # (N, D), (N, T)

    def _predict(self, X: Matrix) -> Matrix:
        distances = ((X[:, None] / self.scale_ - self.rows_) ** 2).sum(axis=2)  # (M, N)
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : self.neighbors]
        predicted: Matrix = self.targets_[nearest].mean(axis=1)  # (M, T)
        return predicted

    def _save(self, folder: Path) -> None:
        tensors = {"rows": self.rows_, "targets": self.targets_, "scale": self.scale_}
        safetensors.save_file(tensors, folder / _FILE)

    def _load(self, folder: Path) -> None:
        tensors = safetensors.load_file(folder / _FILE)
        if tensors["rows"].shape[1] != self.n_features_in_:
            raise ValueError(f"{_FILE} is of {tensors['rows'].shape[1]} columns")
        self.rows_, self.targets_, self.scale_ = (tensors[name] for name in ("rows", "targets", "scale"))

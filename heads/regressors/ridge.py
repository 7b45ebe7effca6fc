"""Linear regression with an L2 penalty on standardized features (ridge regression)."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from heads._base import Matrix
from heads.regressors._base import Regressor

__all__ = ["RidgeRegressor"]

_FILE = "ridge.safetensors"


class RidgeRegressor(Regressor):
    """Linear regression with an L2 penalty on standardized columns, solved exactly by scikit-learn.

    Hoerl and Kennard 1970, "Ridge Regression: Biased Estimation for Nonorthogonal Problems". It is deterministic, so it
    takes no seed. It is the simplest regressor that uses the features.

    Args:
        alpha: strength of the penalty, above 0. It counts against the number of rows.

    Attributes:
        coef_: (T, D) on standardized columns and targets.
        mean_: (D,) subtracted from each column; `scale_` (D,) divides it.
    """

    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {"alpha": (1.0, 10.0, 100.0, 1e3, 1e4, 1e5)}

    coef_: NDArray[np.float64]
    mean_: NDArray[np.float64]
    scale_: NDArray[np.float64]

    def __init__(self, *, alpha: float = 100.0) -> None:
        self.alpha = alpha

    def _fit(self, X: Matrix, Z: NDArray[np.float64]) -> None:
        self._check_number("alpha", low=0)
        scaler = StandardScaler().fit(X)
        self.mean_, self.scale_ = scaler.mean_, scaler.scale_
        # both sides have mean 0, so there is no intercept
        self.coef_ = (
            Ridge(alpha=self.alpha, fit_intercept=False).fit(self._standardize(X), Z).coef_.reshape(-1, X.shape[1])
        )

    def _predict(self, X: Matrix) -> Matrix:
        predicted: Matrix = self._standardize(X) @ self.coef_.T  # (N, T)
        return predicted

    def _standardize(self, X: Matrix) -> NDArray[np.float64]:
        return np.asarray((X - self.mean_) / self.scale_, np.float64)

    def _save(self, folder: Path) -> None:
        tensors = {name: np.ascontiguousarray(getattr(self, f"{name}_")) for name in ("coef", "mean", "scale")}
        safetensors.save_file(tensors, folder / _FILE)

    def _load(self, folder: Path) -> None:
        columns = self.n_features_in_
        expected = {"coef": (self.n_targets_, columns), "mean": (columns,), "scale": (columns,)}
        tensors = safetensors.load_file(folder / _FILE)
        if {name: tensor.shape for name, tensor in tensors.items()} != expected:
            raise ValueError(f"{_FILE} is not of {self.n_targets_} targets and {columns} columns")
        for name, tensor in tensors.items():
            setattr(self, f"{name}_", tensor)

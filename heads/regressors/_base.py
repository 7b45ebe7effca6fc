"""Define the base class of all regressors: input checks, standardized targets, weights with their scale."""

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import numpy as safetensors
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from heads._base import Matrix

_FILE = "targets.safetensors"
_DTYPES = (np.float64, np.float32)  # kept; anything else becomes float64


class Regressor(MultiOutputMixin, RegressorMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of the regressors: predict T values of feature vectors. N utterances, D columns.

    A regressor implements `_fit`, `_predict`, `_save` and `_load`. Targets are standardized before `_fit` sees them, so
    that its settings mean the same on any rating scale, and `predict` returns the scale of the corpus. A target that
    is constant in training is predicted as this constant.

    A regressor that learns in epochs may keep `history_`, a mapping for each epoch with `loss`, which a benchmark
    records. A baseline, which others must beat, sets scikit-learn's tag `poor_score`.

    Attributes:
        SPACE: by parameter, the values that a hyper-parameter search draws from; empty if there is nothing to choose.
        COST: rough seconds of a fit on one core, 6,000 rows of 1,500 columns. The longest runs start first.
        trusted_types: types in the saved weights beyond those that skops trusts, recorded in the bundle.
        n_features_in_: D. Set it before `load_weights`, and `n_targets_` too.
        n_targets_: T.
        target_mean_: (T,) of the training part; `target_scale_` (T,) is its standard deviation, 1 if that is 0.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset()  # nothing but a matrix, as a flat head
    KIND: ClassVar[str] = ""
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {}
    COST: ClassVar[float] = 1.0

    trusted_types: tuple[str, ...] = ()
    n_features_in_: int
    n_targets_: int
    target_mean_: NDArray[np.float64]
    target_scale_: NDArray[np.float64]

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Construct a regressor from the parameters in a saved bundle."""
        return cls(**params)

    def fit(self, X: ArrayLike, Y: ArrayLike) -> Self:
        """Fit to X (N, D) and the values Y (N, T), or (N,) of one target.

        Raises:
            ValueError: X or Y is not finite, empty or of the wrong shape, or a parameter is out of its range.
        """
        rows, values = validate_data(self, X, Y, dtype=_DTYPES, multi_output=True, y_numeric=True)
        self._is_flat = values.ndim == 1
        targets = np.asarray(values, np.float64).reshape(len(values), -1)  # (N, T)
        self.n_targets_ = targets.shape[1]
        scaler = StandardScaler().fit(targets)
        self.target_mean_, self.target_scale_ = scaler.mean_, scaler.scale_
        self._fit(rows, scaler.transform(targets))
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict the values of each row: (N, T), or (N,) of a regressor that was fitted to (N,)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=_DTYPES, reset=False)
        values = self._predict(rows).astype(np.float64) * self.target_scale_ + self.target_mean_
        return values.ravel() if getattr(self, "_is_flat", False) else values

    def save_weights(self, folder: Path) -> None:
        """Write the learned weights, and the scale of the targets, into an existing folder."""
        safetensors.save_file({"mean": self.target_mean_, "scale": self.target_scale_}, folder / _FILE)
        self._save(folder)

    def load_weights(self, folder: Path) -> None:
        """Read what `save_weights` wrote, without running code from the files. `predict` then returns (N, T).

        Raises:
            ValueError: the files do not fit this regressor.
        """
        scale = safetensors.load_file(folder / _FILE)
        if {name: values.shape for name, values in scale.items()} != dict.fromkeys(
            ("mean", "scale"), (self.n_targets_,)
        ):
            raise ValueError(f"{_FILE} is not of {self.n_targets_} targets")
        self.target_mean_, self.target_scale_ = scale["mean"], scale["scale"]
        self._load(folder)

    @abstractmethod
    def _fit(self, X: Matrix, Z: NDArray[np.float64]) -> None:
        """Learn from X (N, D) and standardized targets Z (N, T)."""

    @abstractmethod
    def _predict(self, X: Matrix) -> Matrix:
        """Predict standardized targets of checked rows X (N, D): (N, T)."""

    @abstractmethod
    def _save(self, folder: Path) -> None:
        """Write the learned weights."""

    @abstractmethod
    def _load(self, folder: Path) -> None:
        """Read what `_save` wrote."""

    def _check_number(
        self, name: str, *, low: float, high: float | None = None, integer: bool = False, inclusive: bool = False
    ) -> None:
        """Check that a parameter is a number above `low` (`inclusive`: at least `low`) and at most `high`."""
        ends = {(True, True): "both", (True, False): "left", (False, True): "right", (False, False): "neither"}
        try:
            check_scalar(
                getattr(self, name),
                name,
                Integral if integer else Real,
                min_val=low,
                max_val=high,
                include_boundaries=ends[inclusive, high is not None],
            )
        except TypeError as error:
            raise ValueError(str(error)) from None

"""Support vector regression with a radial basis kernel on standardized features."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from heads import _skops
from heads._base import Matrix
from heads._skops import UntrustedTypesFoundException, skops
from heads.regressors._base import Regressor

__all__ = ["SVRRegressor"]

_FILE = "svr.skops"
_LEARNED = ("scaler_", "machines_")


class SVRRegressor(Regressor):
    """RBF support vector regression on standardized columns, one machine for each target.

    Smola and Schölkopf 2004, "A Tutorial on Support Vector Regression", by scikit-learn's `SVR`. It is deterministic,
    so it takes no seed. Its time grows with the square of the rows: above some ten thousand, prefer `ridge`.

    Args:
        C: cost of an error, above 0.
        epsilon: errors below this cost nothing, in standard deviations of the target, at least 0.
        gamma_factor: the kernel is exp(-gamma * squared distance), gamma being this, above 0, over the columns times
            their variance. 1 is scikit-learn's "scale".
        cache_size: memory of the kernel cache in MB, above 0.

    Attributes:
        scaler_: the fitted standardization of the columns.
        machines_: T fitted `sklearn.svm.SVR`.
    """

    COST: ClassVar[float] = 30.0
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {
        "C": (0.1, 0.3, 1.0, 3.0, 10.0),
        "epsilon": (0.03, 0.1, 0.3),
        "gamma_factor": (0.1, 0.3, 1.0, 3.0),
    }

    scaler_: StandardScaler
    machines_: list[Any]

    def __init__(
        self, *, C: float = 1.0, epsilon: float = 0.1, gamma_factor: float = 1.0, cache_size: float = 500.0
    ) -> None:
        self.C = C
        self.epsilon = epsilon
        self.gamma_factor = gamma_factor
        self.cache_size = cache_size

    def _fit(self, X: Matrix, Z: NDArray[np.float64]) -> None:
        for name in ("C", "gamma_factor", "cache_size"):
            self._check_number(name, low=0)
        self._check_number("epsilon", low=0, inclusive=True)
        self.scaler_ = StandardScaler().fit(X)
        scaled = self.scaler_.transform(X)
        gamma = self.gamma_factor / (scaled.shape[1] * (float(scaled.var()) or 1.0))
        machine = {"C": self.C, "epsilon": self.epsilon, "gamma": gamma, "cache_size": self.cache_size}
        self.machines_ = [SVR(**machine).fit(scaled, column) for column in Z.T]

    def _predict(self, X: Matrix) -> Matrix:
        scaled = self.scaler_.transform(X)
        return np.stack([machine.predict(scaled) for machine in self.machines_], axis=1)  # (N, T)

    def _save(self, folder: Path) -> None:
        _skops.save({name: getattr(self, name) for name in _LEARNED}, folder / _FILE)

    def _load(self, folder: Path) -> None:
        try:
            learned = skops.io.load(folder / _FILE, trusted=[])
        except UntrustedTypesFoundException as error:
            raise ValueError(f"{_FILE} holds types that a support vector regression does not need: {error}") from None
        if not isinstance(learned, dict) or learned.keys() != set(_LEARNED):
            raise ValueError(f"{_FILE} does not hold {', '.join(_LEARNED)}")
        found = len(learned["machines_"]), learned["scaler_"].n_features_in_
        if found != (self.n_targets_, self.n_features_in_):
            raise ValueError(f"{_FILE} is for {found[0]} targets and {found[1]} columns")
        self.scaler_, self.machines_ = learned["scaler_"], learned["machines_"]

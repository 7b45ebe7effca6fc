"""Make a regressor of any scikit-learn regressor, named by its dotted path."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import get_tags

from heads._base import Matrix
from heads._dotted_path import REGRESSOR, check_estimator, construct_estimator, find_estimator
from heads._wrapped import WrappedEstimator, make_wrapper
from heads.regressors._base import Regressor


class WrappedRegressor(WrappedEstimator, Regressor):
    """A scikit-learn regressor as a regressor of targets. `make_regressor` makes a subclass of this for each.

    The features are not standardized, and the targets are. A regressor of one target alone is fitted to each.
    """

    FILE: ClassVar[str] = "regressor.skops"
    LEARNED: ClassVar[tuple[str, ...]] = ("model_",)

    def _fit(self, X: Matrix, Z: NDArray[np.float64]) -> None:
        model = clone(self._estimator)
        if self.n_targets_ > 1 and not get_tags(model).target_tags.multi_output:
            model = MultiOutputRegressor(model)
        try:
            self.model_ = model.fit(X, Z.ravel() if self.n_targets_ == 1 else Z)
        except (ValueError, MemoryError):
            raise
        except Exception as error:  # every package raises its own
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def _predict(self, X: Matrix) -> Matrix:
        predicted: Matrix = np.asarray(self.model_.predict(X)).reshape(len(X), -1)  # (N, T)
        return predicted

    def _save(self, folder: Path) -> None:
        self._save_learned(folder)

    def _load(self, folder: Path) -> None:
        self._load_learned(folder)

    def _check_learned(self, learned: Mapping[str, Any]) -> None:
        model = learned["model_"]
        super()._check_learned({"model_": model.estimator if isinstance(model, MultiOutputRegressor) else model})

    def __sklearn_tags__(self) -> Any:
        """Return the regressor's own tags for a baseline and for randomness."""
        tags, own = super().__sklearn_tags__(), get_tags(self._estimator)
        tags.non_deterministic = own.non_deterministic
        if own.regressor_tags:
            tags.regressor_tags.poor_score = own.regressor_tags.poor_score
        return tags

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the dotted path, from which the class is made again."""
        return _rebuild, (self.PATH, self.__dict__)


def _rebuild(path: str, state: dict[str, Any]) -> WrappedRegressor:
    regressor: WrappedRegressor = object.__new__(make_regressor(path))
    regressor.__dict__.update(state)
    return regressor


@cache
def make_regressor(path: str) -> type[Regressor]:
    """Make a regressor of targets of the regressor at a dotted path, with its parameters.

    Raises:
        UnusableEstimator: there is no regressor, or it needs arguments that have no default.
    """
    found = find_estimator(path, REGRESSOR)
    instance = construct_estimator(path, found, REGRESSOR)
    check_estimator(path, instance, REGRESSOR)
    if isinstance(instance, Regressor):
        own: type[Regressor] = found
        return own
    regressor: type[Regressor] = make_wrapper(WrappedRegressor, path, found)
    return regressor

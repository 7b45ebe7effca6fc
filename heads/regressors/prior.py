"""Means of the training part: a baseline that every other regressor must beat."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heads._base import Matrix
from heads.regressors._base import Regressor

__all__ = ["PriorRegressor"]


class PriorRegressor(Regressor):
    """Predict the mean of the training part for every utterance. The features are ignored.

    Its concordance correlation is 0 within each fold.

    >>> PriorRegressor().fit([[0.0], [1.0]], [[1.0, 4.0], [3.0, 4.0]]).predict([[5.0]])
    array([[2., 4.]])
    """

    def __sklearn_tags__(self) -> Any:
        """Tag this regressor as a baseline: scikit-learn expects a poor score of it."""
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    def _fit(self, X: Matrix, Z: NDArray[np.float64]) -> None:
        """Learn nothing: the means are those that the targets are standardized by."""

    def _predict(self, X: Matrix) -> Matrix:
        return np.zeros((len(X), self.n_targets_))

    def _save(self, folder: Path) -> None:
        """Write nothing: the means are saved already."""

    def _load(self, folder: Path) -> None:
        """Read nothing."""

"""Turn a classifier's scores into probabilities by temperature scaling.

Guo et al. 2017, "On Calibration of Modern Neural Networks": softmax(score / temperature). The temperature is one
positive number, chosen on out-of-fold scores, so it changes no answer.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from heads._base import Codes, Matrix, draw_seed

_BOUNDS = (-10.0, 10.0)  # of the temperature's logarithm
_STEP = 1e-12  # at which the search for it ends


def fit_temperature(model: Any, X: Matrix, y: NDArray[Any], folds: int, random_state: object) -> tuple[Any, float]:
    """Fit a classifier on all rows and choose its temperature on out-of-fold scores.

    Args:
        model: an unfitted classifier with `decision_function`.
        X: rows, or a kernel.
        y: classes, each at least `folds` times.
        folds: at least 2; each is one more fit.
        random_state: seeds the folds.

    Returns:
        The fitted classifier, and the temperature: above 1 where its scores are over-confident.
    """
    splitter = StratifiedKFold(folds, shuffle=True, random_state=draw_seed(random_state))
    scores = cross_val_predict(model, X, y, cv=splitter, method="decision_function")
    return model.fit(X, y), choose_temperature(scores, np.unique(y, return_inverse=True)[1])


def choose_temperature(scores: Matrix, codes: Codes) -> float:
    """Choose the temperature that minimizes the log loss of out-of-fold scores.

    scikit-learn's own choice is not used: its 1.9.1 reads memory out of bounds for numeric classes other than 0 to
    C - 1.

    Args:
        scores: (N, C), or (N,) for two classes.
        codes: the true class of each row (N,), 0 to C - 1.
    """

    columns = _to_columns(scores)

    def measure_loss(log_temperature: float) -> float:
        scaled = log_softmax(columns / np.exp(log_temperature), axis=1)
        return -float(scaled[np.arange(len(codes)), codes].mean())

    found = minimize_scalar(measure_loss, bounds=_BOUNDS, method="bounded", options={"xatol": _STEP})
    return float(np.exp(found.x))


def to_probabilities(scores: Matrix, temperature: float) -> Matrix:
    """Convert scores (N, C), or (N,) for two classes, to probabilities (N, C)."""
    probabilities: Matrix = softmax(_to_columns(scores) / temperature, axis=1)
    return probabilities


def _to_columns(scores: Matrix) -> Matrix:
    return np.column_stack([-scores, scores]) if scores.ndim == 1 else scores  # positive for the second class

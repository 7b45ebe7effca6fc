"""Turn a classifier's scores into probabilities by temperature scaling.

Guo et al. 2017, "On Calibration of Modern Neural Networks": softmax(score / temperature). The temperature is one
positive number, chosen on out-of-fold scores, so it changes no answer.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold

from heads._base import Codes, Matrix, draw_seed

_BOUNDS = (-10.0, 10.0)  # of the temperature's logarithm


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
    fitted = CalibratedClassifierCV(model, method="temperature", cv=splitter, ensemble=False).fit(X, y)
    (pair,) = fitted.calibrated_classifiers_
    return pair.estimator, float(1 / pair.calibrators[0].beta_)


def choose_temperature(scores: Matrix, codes: Codes) -> float:
    """Choose the temperature of out-of-fold scores, as `fit_temperature` does.

    Args:
        scores: (N, C).
        codes: the true class of each row (N,), 0 to C - 1.
    """

    def measure_loss(log_temperature: float) -> float:
        scaled = log_softmax(scores / np.exp(log_temperature), axis=1)
        return -float(scaled[np.arange(len(codes)), codes].mean())

    return float(np.exp(minimize_scalar(measure_loss, bounds=_BOUNDS, method="bounded").x))


def to_probabilities(scores: Matrix, temperature: float) -> Matrix:
    """Convert scores (N, C), or (N,) for two classes, to probabilities (N, C)."""
    if scores.ndim == 1:  # positive for the second class
        scores = np.column_stack([-scores, scores])
    probabilities: Matrix = softmax(scores / temperature, axis=1)
    return probabilities

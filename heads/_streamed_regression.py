"""Fit a softmax regression on rows that are read a batch at a time, by L-BFGS on sums over all batches."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from heads._streamed import Indices, Rows, StreamedMatrix

Values = NDArray[np.float64]

# those of scikit-learn's LogisticRegression, so that both stop at the same accuracy
_GRADIENT = 1e-4
_LOSS = 64 * np.finfo(np.float64).eps
_LINE_STEPS = 50


class SoftmaxRegression:
    """Mean cross entropy with an L2 penalty, as scikit-learn's `LogisticRegression` minimizes it. N rows, C classes.

    A batch is standardized and multiplied in the precision of its rows, and sums over batches are float64. For two
    classes only the second has coefficients, as in scikit-learn.

    Args:
        X: (N, D).
        codes: class number of each row (N,).
        class_weights: of the rows of each class (C,).
        mean: subtracted from each column (D,).
        scale: that divides each column (D,), above 0.
        C: inverse of the penalty's strength.
        distributions: (N, C) to fit in place of the classes, or None. A row then counts as C rows, one of each class,
            whose weights are its shares times the class weights.
    """

    def __init__(
        self,
        X: StreamedMatrix,
        codes: Indices,
        class_weights: Values,
        mean: Values,
        scale: Values,
        C: float,
        distributions: Values | None = None,
    ) -> None:
        self._X, self._codes = X, codes
        self._shares = None if distributions is None else distributions * class_weights  # (N, C)
        self._weights = np.asarray(class_weights)[codes] if self._shares is None else self._shares.sum(1)  # (N,)
        self._mean, self._scale = mean.astype(X.dtype), scale
        self._total = float(self._weights.sum())
        self._penalty = 1 / (C * self._total)
        self._classes = len(class_weights)
        self._fitted = self._classes if self._classes > 2 else 1  # classes with coefficients

    def solve(self, max_iter: int) -> tuple[Values, Values, int]:
        """Minimize from zero.

        Args:
            max_iter: steps at most.

        Returns:
            Coefficients (C, D) and intercepts (C,) on standardized columns, and the number of steps.
        """
        found = minimize(
            self.evaluate,
            np.zeros(self._fitted * (self._X.shape[1] + 1)),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": max_iter, "maxls": _LINE_STEPS, "gtol": _GRADIENT, "ftol": _LOSS},
        )
        coef, intercept = self._unpack(found.x)
        missing = self._classes - self._fitted
        return np.pad(coef, ((missing, 0), (0, 0))), np.pad(intercept, (missing, 0)), int(found.nit)

    def evaluate(self, parameters: Values) -> tuple[float, Values]:
        """Compute the penalized loss and its gradient, in one pass over the rows.

        Args:
            parameters: coefficients and then intercepts of the fitted classes, flat.
        """
        coef, intercept = self._unpack(parameters)
        on_centred = (coef / self._scale).astype(self._X.dtype)
        loss, slope, shift = 0.0, np.zeros_like(coef), np.zeros_like(intercept)
        for rows, values in self._X.iterate():
            values -= self._mean
            losses, errors = self._compare(values @ on_centred.T + intercept, rows)
            loss += float(losses.sum())
            slope += errors.T.astype(self._X.dtype) @ values
            shift += errors.sum(axis=0)
        slope /= self._total * self._scale
        loss = loss / self._total + 0.5 * self._penalty * float(np.vdot(coef, coef))
        return loss, np.concatenate([(slope + self._penalty * coef).ravel(), shift / self._total])

    def _compare(self, scores: Rows, rows: slice) -> tuple[Values, Values]:
        """Compute the weighted loss of each row (M,) and its derivative by the scores of the fitted classes (M, F)."""
        missing = self._classes - self._fitted
        every = np.pad(scores, ((0, 0), (missing, 0)))  # (M, C)
        codes, weights = self._codes[rows], self._weights[rows]
        logs = every - logsumexp(every, axis=1, keepdims=True)
        if self._shares is not None:
            shares = self._shares[rows]
            return -(shares * logs).sum(axis=1), (weights[:, None] * np.exp(logs) - shares)[:, missing:]
        places = np.arange(len(codes))
        errors = np.exp(logs)
        errors[places, codes] -= 1
        return -weights * logs[places, codes], (weights[:, None] * errors)[:, missing:]

    def _unpack(self, parameters: Values) -> tuple[Values, Values]:
        """Return coefficients (F, D) and intercepts (F,) of the fitted classes."""
        count = self._fitted
        return parameters[:-count].reshape(count, -1), parameters[-count:]

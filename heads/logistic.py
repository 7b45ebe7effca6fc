"""Multinomial logistic regression on standardized features."""

import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from heads._base import Codes, Head, Matrix
from heads._streamed import StreamedMatrix
from heads._streamed_regression import SoftmaxRegression

__all__ = ["LogisticHead"]

_FILE = "logistic.safetensors"


class LogisticHead(Head):
    """Logistic regression with an L2 penalty on standardized columns, fitted by scikit-learn's L-BFGS.

    Cox 1958, "The Regression Analysis of Binary Sequences". It is deterministic, so it takes no seed. It is the
    simplest head that uses the features: a fusion network must beat it to be worth its cost.

    The default of C was chosen among 0.0001 to 10 by unweighted average recall on unseen speakers, over six feature
    sets of EmoDB and of the demo corpus, with and without standardization per speaker: on average 0.4 points below the
    best C of each, 1.3 at most. C=0.01 is 1.8 points below it (5.9 at most), C=1 0.9 (3.1).

    On a `StreamedMatrix` the same problem is solved to the same tolerance, with the loss and its gradient summed over
    batches of rows. Both stop near the same optimum: on 72 drawn data sets probabilities differed mostly by less than
    1e-4 from those of a fit in memory, and by 5e-3 at most, where the optimum was up to 8e-2 away. Distributions are
    fitted the same way, whatever the matrix.

    Args:
        C: inverse of the penalty's strength, above 0.
        class_weight: None, "balanced", or a weight by class name.
        logit_adjustment: at least 0: the intercepts are lowered by this times the logarithm of each class's share of
            training. 0 leaves them, and 1 predicts as if classes were equally frequent. As no intercept is penalized,
            this is exactly the fit with these terms in its loss (Menon et al. 2021, "Long-tail learning via logit
            adjustment").
        max_iter: most steps of L-BFGS, at least 1; a head that has not converged by then is used anyway.

    Attributes:
        coef_: (C, D) on standardized columns.
        intercept_: (C,).
        mean_: (D,) subtracted from each column; `scale_` (D,) divides it.
        n_iter_: steps taken; not in a saved bundle.
    """

    STREAMS: ClassVar[bool] = True
    SOFT_LABELS: ClassVar[bool] = True
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {
        "C": (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0),
        "class_weight": (None, "balanced"),
    }

    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]
    mean_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    n_iter_: int

    def __init__(
        self,
        *,
        C: float = 0.1,
        class_weight: dict[str, float] | str | None = None,
        logit_adjustment: float = 0.0,
        max_iter: int = 200,
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.logit_adjustment = logit_adjustment
        self.max_iter = max_iter

    @classmethod
    def share(cls, X: Matrix | StreamedMatrix) -> tuple[StandardScaler, Matrix] | None:
        """Standardize X (N, D), unless its rows are streamed."""
        return None if isinstance(X, StreamedMatrix) else _standardize(X)

    def save_weights(self, folder: Path) -> None:
        """Write `logistic.safetensors`."""
        names = ("coef", "intercept", "mean", "scale")
        tensors = {name: np.ascontiguousarray(getattr(self, f"{name}_"), np.float64) for name in names}
        safetensors.save_file(tensors, folder / _FILE)

    def load_weights(self, folder: Path) -> None:
        """Read `logistic.safetensors`."""
        classes, columns = len(self.classes_), self.n_features_in_
        expected = {"coef": (classes, columns), "intercept": (classes,), "mean": (columns,), "scale": (columns,)}
        tensors = safetensors.load_file(folder / _FILE)
        if {name: tensor.shape for name, tensor in tensors.items()} != expected:
            raise ValueError(f"{_FILE} is not of {classes} classes and {columns} columns")
        for name, tensor in tensors.items():
            setattr(self, f"{name}_", tensor)

    def _fit(self, X: Matrix | StreamedMatrix, codes: Codes) -> None:
        self._check_number("C", low=0)
        self._check_number("logit_adjustment", low=0, inclusive=True)
        self._check_counts("max_iter")
        if isinstance(X, StreamedMatrix):
            self._fit_batches(X, codes)
        elif self._distributions is not None:
            self._fit_batches(StreamedMatrix(lambda rows: X[rows], X.shape, X.dtype), codes)
        else:
            self._fit_in_memory(X, codes)
        if self.logit_adjustment:
            self.intercept_ = self.intercept_ - self.logit_adjustment * self._measure_log_prior(codes)

    def _fit_in_memory(self, X: Matrix, codes: Codes) -> None:
        scaler, scaled = self._shared or _standardize(X)
        model = LogisticRegression(C=self.C, class_weight=self.class_weight, max_iter=self.max_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(scaled, self.classes_[codes])
        self.n_iter_ = int(model.n_iter_.max())
        self._set_scaling(scaler, X.dtype)
        self.coef_, self.intercept_ = _expand_binary(model.coef_), _expand_binary(model.intercept_)

    def _fit_batches(self, X: StreamedMatrix, codes: Codes) -> None:
        scaler = StandardScaler()
        for _, values in X.iterate():
            scaler.partial_fit(values)
        self._set_scaling(scaler, X.dtype)
        weights = self._compute_class_weights(codes)
        weights = np.ones(len(self.classes_)) if weights is None else weights
        problem = SoftmaxRegression(X, codes, weights, self.mean_, self.scale_, self.C, self._distributions)
        self.coef_, self.intercept_, self.n_iter_ = problem.solve(self.max_iter)

    def _set_scaling(self, scaler: StandardScaler, dtype: np.dtype[Any]) -> None:
        # the mean is subtracted in the rows' own precision: where it is large for its column, the rounded one differs
        self.mean_, self.scale_ = scaler.mean_.astype(dtype).astype(np.float64), scaler.scale_

    def _predict_proba(self, X: Matrix | StreamedMatrix) -> Matrix:
        if isinstance(X, StreamedMatrix):
            return np.concatenate([self._predict_rows(values) for _, values in X.iterate()])
        return self._predict_rows(X)

    def _predict_rows(self, X: Matrix) -> Matrix:
        scaled = (X - self.mean_) / self.scale_
        probabilities: Matrix = softmax(scaled @ self.coef_.T + self.intercept_, axis=1)  # (N, C)
        return probabilities


def _standardize(X: Matrix) -> tuple[StandardScaler, Matrix]:
    scaler = StandardScaler()
    return scaler, scaler.fit_transform(X)


def _expand_binary(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return one row per class. For two classes scikit-learn keeps only the second's, and the first's are 0."""
    rows = np.asarray(values, np.float64)
    return rows if len(rows) > 1 else np.concatenate([np.zeros_like(rows), rows])

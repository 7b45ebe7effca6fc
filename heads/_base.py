"""Define the base class of all heads: input checks, class numbers, prediction, parameter checks."""

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from heads._inputs import Inputs, from_matrix
from heads._streamed import StreamedMatrix, is_finite

Matrix = NDArray[np.floating[Any]]
Codes = NDArray[np.intp]

# float32 and float64 are kept, so that a memory map is not copied; anything else becomes float64
_DTYPES = (np.float64, np.float32)


class Head(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of the heads: a classifier of feature vectors. N utterances, D columns, C classes.

    A head implements `_fit`, `_predict_proba`, `save_weights` and `load_weights`. A head that learns in epochs may keep
    `history_`, a mapping for each epoch with `loss` and `accuracy` on the training rows, which a benchmark records. A
    baseline head, which others must beat, sets scikit-learn's tag `poor_score`.

    A head that takes more than a matrix names it in `TAKES`, and its methods take `Inputs` in place of X. It takes a
    plain matrix too, whose rows are then alone: no dialogue, one frame each.

    A head that learns and predicts a batch of rows at a time declares `STREAMS`. Where the matrix is large for the
    machine's memory, X is then a `heads.StreamedMatrix`, whose rows are read when they are used.

    A head that learns from soft labels declares `SOFT_LABELS`. `fit` may then be given a distribution over the classes
    for each row, such as the shares of raters who chose them, and y stays the most probable class.

    Attributes:
        TAKES: what it takes beyond a matrix, whatever its settings: `blocks`, `frames`, `dialogue`, `words`
            (`heads.Inputs`). `takes` says which of them with its settings.
        STREAMS: whether X may be a `heads.StreamedMatrix`.
        SOFT_LABELS: whether `fit` takes `distributions`.
        KIND: the kind of feature that it reads by default, such as `frames`; empty for one vector of each encoder.
        SPACE: by parameter, the values that a hyper-parameter search draws from; empty if there is nothing to choose.
        COST: rough seconds of a fit on one core, 6,000 rows of 1,500 columns. The longest runs start first.
        REMOVED: parameters of earlier versions, each with the value that is equivalent to this version.
        trusted_types: types in the saved weights beyond those that skops trusts, recorded in the bundle.
        classes_: (C,) set by `fit`; set it before `load_weights`, and `n_features_in_` too.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset()
    STREAMS: ClassVar[bool] = False
    SOFT_LABELS: ClassVar[bool] = False
    KIND: ClassVar[str] = ""
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {}
    COST: ClassVar[float] = 1.0
    REMOVED: ClassVar[Mapping[str, Any]] = {}

    trusted_types: tuple[str, ...] = ()
    classes_: NDArray[Any]
    n_features_in_: int

    @property
    def takes(self) -> frozenset[str]:
        """What it takes beyond a matrix with its settings, of `TAKES`. A head of `words` alone reads no feature."""
        return self.TAKES

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Construct a head from the parameters in a saved bundle.

        Raises:
            ValueError: the bundle sets a parameter that this version no longer has.
        """
        kept = dict(params)
        for name in cls.REMOVED.keys() & params.keys():
            if (value := kept.pop(name)) != cls.REMOVED[name]:
                raise ValueError(f"this version has no parameter {name}, and the bundle sets {name}={value!r}")
        return cls(**kept)

    @property
    def modality(self) -> str:
        """The only modality, `audio` or `text`, whose features it reads by default; empty for both."""
        return ""

    def list_modalities(self) -> tuple[str, ...]:
        """List the modalities that the head cannot do without, of `audio` and `text`."""
        return ()

    def describe_context(self) -> str:
        """Describe what the head sees of a dialogue: `whole dialogue`, `past turns`, or nothing (empty)."""
        return ""

    @classmethod
    def share(cls, X: Any) -> Any:
        """Compute what fits to the same rows share, whatever the settings, or return None if that is nothing.

        A hyper-parameter search calls it once for each training part and passes the result to `fit` as `shared`.

        Args:
            X: what `fit` will be given (N rows or targets).
        """
        return None

    def describe_approximation(self) -> str:
        """Describe what a fitted head approximates and why, or return an empty text. Results carry it."""
        return ""

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        after_epoch: Callable[[Self], object] | None = None,
        shared: Any = None,
        distributions: ArrayLike | None = None,
    ) -> Self:
        """Fit to X (N, D) and the class names y (N,).

        Args:
            X: a matrix, a `StreamedMatrix` for a head that `STREAMS`, or `Inputs` with N targets.
            y: class names of the rows or targets.
            after_epoch: called with this head after each epoch of a head that learns in epochs. It can predict then,
                and `history_` ends with that epoch. What it returns is ignored.
            shared: what `share` returned for the same X. `predict` then answers as without it. Probabilities may be
                left uncalibrated, because a search reads classes only.
            distributions: to learn in place of y, by a head with `SOFT_LABELS`: (N, C) in the order of the sorted
                classes of y, at least 0; each row sums to 1.

        Raises:
            ValueError: X or y is not finite, empty or of the wrong shape, y has one class only, a parameter is out of
                its range, or the distributions are none of these rows and classes.
        """
        matrix, names = self._check_training(X, y)
        check_classification_targets(names)
        self.classes_, codes = np.unique(names, return_inverse=True)  # (C,), (N,)
        self._check_classes()
        self._after_epoch, self._shared = after_epoch, shared
        self._distributions = None if distributions is None else self._check_distributions(distributions, len(codes))
        try:
            self._fit(matrix, codes)
        finally:
            del self._after_epoch, self._shared, self._distributions
        return self

    def predict_proba(self, X: Any) -> Matrix:
        """Compute the probability of each class, in the order of `classes_`: (N, C), rows sum to 1."""
        check_is_fitted(self)
        return self._predict_proba(self._check_rows(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row: (N,)."""
        best: Codes = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    @abstractmethod
    def save_weights(self, folder: Path) -> None:
        """Write the learned weights into an existing folder."""

    @abstractmethod
    def load_weights(self, folder: Path) -> None:
        """Read what `save_weights` wrote, without running code from the files.

        Raises:
            ValueError: the files do not fit this head.
        """

    @abstractmethod
    def _fit(self, X: Any, codes: Codes) -> None:
        """Learn from X (N, D), or from `Inputs` where the head takes them, and the number of each class (N,)."""

    @abstractmethod
    def _predict_proba(self, X: Any) -> Matrix:
        """Compute the probability of each class for checked rows X (N, D), or `Inputs` of N targets: (N, C)."""

    def _check_training(self, X: Any, y: ArrayLike) -> tuple[Any, NDArray[Any]]:
        """Validate training data, and set `n_features_in_`."""
        if isinstance(X, Inputs):
            return self._check_inputs(X, reset=True), self._check_names(X, y)
        if isinstance(X, StreamedMatrix):
            return self._check_streamed(X, reset=True), self._check_names(X, y)
        matrix, names = validate_data(self, X, y, dtype=_DTYPES)
        return self._from_matrix(matrix), names

    def _check_rows(self, X: Any) -> Any:
        """Validate rows to predict: as many columns as in training."""
        if isinstance(X, Inputs):
            return self._check_inputs(X, reset=False)
        if isinstance(X, StreamedMatrix):
            return self._check_streamed(X, reset=False)
        return self._from_matrix(validate_data(self, X, dtype=_DTYPES, reset=False))

    def _from_matrix(self, X: Matrix) -> Any:
        return from_matrix(X, self.takes) if self.takes else X

    def _check_inputs(self, inputs: Inputs, *, reset: bool) -> Any:
        """Validate inputs, and return them, or their matrix for a head that takes nothing else."""
        self._check_columns(inputs.X, inputs.width, reset=reset)
        return inputs if self.takes else inputs.matrix

    def _check_streamed(self, X: StreamedMatrix, *, reset: bool) -> Any:
        """Validate rows that are read a batch at a time, which takes one pass over them."""
        if not all(X.shape):
            raise ValueError(f"X must have at least one row and one column, got shape {X.shape}")
        self._check_columns(X, X.shape[1], reset=reset)
        return from_matrix(X, self.takes) if self.takes else X

    def _check_columns(self, X: Matrix | StreamedMatrix, width: int, *, reset: bool) -> None:
        """Check that X is finite, and that it has as many columns and dimensions as in training."""
        if isinstance(X, StreamedMatrix) and not self.STREAMS:
            raise ValueError(f"{type(self).__name__} needs its whole matrix in memory: give it X[:]")
        if not is_finite(X):
            raise ValueError("Input X contains NaN or infinity.")
        if reset:
            self.n_features_in_ = width
        elif width != self.n_features_in_:
            raise ValueError(
                f"X has {width} features, but {type(self).__name__} is expecting {self.n_features_in_} features"
            )

    @staticmethod
    def _check_names(inputs: Inputs | StreamedMatrix, y: ArrayLike) -> NDArray[Any]:
        names: NDArray[Any] = column_or_1d(y)
        if len(names) != len(inputs):
            raise ValueError(f"X has {len(inputs)} targets, y {len(names)}")
        return names

    def _check_distributions(self, distributions: ArrayLike, rows: int) -> NDArray[np.float64]:
        if not self.SOFT_LABELS:
            raise ValueError(f"{type(self).__name__} learns from classes, not from distributions over them")
        found = np.asarray(distributions, np.float64)
        if found.shape != (rows, len(self.classes_)):
            raise ValueError(f"distributions must be of shape {(rows, len(self.classes_))}, got {found.shape}")
        if not (found >= 0).all() or not np.allclose(found.sum(axis=1), 1):
            raise ValueError("distributions must be at least 0 and sum to 1 in each row")
        return found

    def _compute_class_weights(self, codes: Codes) -> NDArray[np.float64] | None:
        """Compute the weight of each class (C,) by the setting `class_weight`, or None where it is None."""
        weights = getattr(self, "class_weight", None)
        if weights is None:
            return None
        found: NDArray[np.float64] = compute_class_weight(weights, classes=self.classes_, y=self.classes_[codes])
        return found

    def _measure_log_prior(self, codes: Codes) -> NDArray[np.float64]:
        """Compute the logarithm of each class's share of the training rows (C,).

        A class without any share, by distributions, counts as half a row.
        """
        shares = np.bincount(codes, minlength=len(self.classes_)) / len(codes)
        if self._distributions is not None:
            shares = self._distributions.mean(axis=0)
        return np.log(np.maximum(shares, 0.5 / len(codes)))

    def _check_classes(self) -> None:
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} needs at least 2 classes, got 1 class: {str(self.classes_[0])!r}")

    def _check_number(
        self, name: str, *, low: float, high: float = math.inf, integer: bool = False, inclusive: bool = False
    ) -> None:
        """Check that a parameter is a number above `low` (`inclusive`: at least `low`) and at most `high`."""
        value = getattr(self, name)
        right = isinstance(value, Integral if integer else Real) and not isinstance(value, bool)
        if not right or value > high or not (value >= low if inclusive else value > low):
            kind, from_low = "an integer" if integer else "a number", "of at least" if inclusive else "above"
            to_high = "" if high == math.inf else f" and at most {high}"
            raise ValueError(f"{name} must be {kind} {from_low} {low}{to_high}, got {value!r}")

    def _check_counts(self, *names: str, low: int = 1) -> None:
        """Check that parameters are integers of at least `low`."""
        for name in names:
            self._check_number(name, low=low, integer=True, inclusive=True)

    def _check_odd(self, name: str) -> None:
        """Check that a parameter is an odd number above 0."""
        self._check_counts(name)
        if getattr(self, name) % 2 == 0:
            raise ValueError(f"{name} must be an odd number, got {getattr(self, name)!r}")

    def _check_widths(self, name: str, *, low: int = 0) -> None:
        """Check that a parameter is a list of at least `low` integers above 0."""
        value = getattr(self, name)
        right = isinstance(value, (list, tuple)) and len(value) >= low
        if not right or not all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in value):
            raise ValueError(f"{name} must be a list of widths above 0, got {value!r}")

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def draw_seed(random_state: object) -> int:
    """Draw one seed from scikit-learn's `random_state` (None, an integer or a generator)."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))

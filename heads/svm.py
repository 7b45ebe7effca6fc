"""Support vector machine with a radial basis kernel on standardized features, with calibrated probabilities."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import gen_batches
from sklearn.utils.class_weight import compute_class_weight

from heads import _skops
from heads._approximate_svm import ApproximateFit, fit_approximately
from heads._base import Codes, Head, Matrix, draw_seed
from heads._calibration import fit_temperature, to_probabilities
from heads._nystroem import LinearScores
from heads._rbf_kernel import SharedDistances, compute_kernel, standardize
from heads._skops import UntrustedTypesFoundException, skops
from heads._streamed import StreamedMatrix

__all__ = ["SVMHead"]

_FILE = "svm.skops"
# skops trusts a scaler, an SVC, arrays and numbers by default
_TRUSTED: list[str] = []
_KERNEL_ROWS = 15_000  # up to here the whole kernel is computed at once: 1.8 GB of float64
_COMPONENTS = 2000  # of an approximation, unless their number is given
_LEARNED = ("scaler_", "machine_", "support_vectors_", "gamma_", "temperature_")
_APPROXIMATE = ("scaler_", "landmarks_", "weights_", "intercept_", "gamma_", "temperature_", "rows_")
_BATCH = 2048  # rows predicted at once
_WIDE = 0.3  # gamma="wide" in units of "scale"


class SVMHead(Head):
    """RBF support vector machine on standardized columns, one class against one.

    Cortes and Vapnik 1995, "Support-Vector Networks", by scikit-learn's `SVC`.

    `predict` gives the class with the highest score, as scikit-learn's `SVC(break_ties=True)` does, which is the most
    probable one. Plain `SVC` counts the votes of pairs of classes, and may answer another than the most probable class.
    The scores cost nothing: on six feature sets of EmoDB and of the demo corpus, with and without
    standardization per speaker, over 15 settings, they reach 0.2 points more unweighted average recall on unseen
    speakers than the votes (-0.1 to 0.6 by feature set).

    The defaults of C and gamma were chosen by the same measure among these settings: on average 1.0 points below the
    best of each feature set, 2.8 at most. `SVC`'s own C=1 and "scale" are 2.2 points below it, 7.4 at most.

    Scores become probabilities by temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks"):
    softmax(score / temperature), the temperature chosen on out-of-fold scores. It is one positive number, so it changes
    no answer. Classes with fewer members than folds are left out of the calibration only. If fewer than two classes
    remain, the temperature is 1.

    Up to 15,000 rows the machine is exact, and its kernel is one matrix product, shared by all calibration folds. Above
    that the kernel is approximated, since the exact machine takes quadratic time: see `approximate`. Then the kernels
    of each row and of some training rows drawn at random (landmarks) are the columns of a least-squares machine, one
    class against all others (Nyström's method: Williams and Seeger 2000; Suykens and Vandewalle 1999). Its time is
    linear in the rows. `describe_approximation` says so, and so do results and bundles.

    Args:
        C: cost of a training error, above 0.
        gamma: inverse width of the kernel: "scale" (1 over columns times variance, scikit-learn's default), "wide"
            (0.3 of it), "auto" (1 over columns) or above 0.
        gamma_factor: multiplies gamma, above 0. With "wide" and "scale" it means the same for any number of columns. A
            search varies it unless it is given.
        class_weight: None, "balanced", or a weight by class name.
        calibration_folds: folds for the temperature, at least 2; each is one more fit.
        cache_size: memory of the kernel cache in MB.
        approximate: whether to approximate the kernel: "auto" (above 15,000 rows), True, False (never, which takes
            hours for 100,000 rows), or the number of landmarks, at least 2. It is 2,000 unless it is given.
        random_state: seeds the calibration folds and the landmarks.

    Attributes:
        scaler_: the fitted standardization.
        machine_: the fitted `sklearn.svm.SVC`; None if it is approximated.
        support_vectors_: (S, D) standardized; None if it is approximated.
        landmarks_: (M, D) standardized; None if it is exact.
        weights_: (M, C) of the landmarks' kernels; None if it is exact.
        intercept_: (C,); None if it is exact.
        rows_: number of rows that an approximation was fitted to; 0 if it is exact.
        gamma_: the kernel is exp(-gamma_ * squared distance), gamma_factor included.
        temperature_: above 1 if the scores are over-confident.
    """

    STREAMS: ClassVar[bool] = True
    COST: ClassVar[float] = 7.0
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {
        "C": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
        "gamma_factor": (0.1, 0.3, 1.0, 3.0, 10.0),
        "class_weight": (None, "balanced"),
    }

    scaler_: StandardScaler
    machine_: Any
    support_vectors_: Any
    # the values of machines inside bundles of versions that did not approximate
    approximate: bool | int | str = "auto"
    landmarks_: Any = None
    weights_: Any = None
    intercept_: Any = None
    rows_: int = 0
    gamma_: float
    temperature_: float

    def __init__(
        self,
        *,
        C: float = 3.0,
        gamma: float | str = "wide",
        gamma_factor: float = 1.0,
        class_weight: dict[str, float] | str | None = None,
        calibration_folds: int = 3,
        cache_size: float = 500.0,
        approximate: bool | int | str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.gamma_factor = gamma_factor
        self.class_weight = class_weight
        self.calibration_folds = calibration_folds
        self.cache_size = cache_size
        self.approximate = approximate
        self.random_state = random_state

    @classmethod
    def share(cls, X: Matrix | StreamedMatrix) -> SharedDistances | None:
        """Standardize X (N, D), and compute the distances of its rows, of up to 15,000 rows."""
        return standardize(X[:], with_distances=True) if len(X) <= _KERNEL_ROWS else None

    def describe_approximation(self) -> str:
        """Describe the approximation of the fitted kernel, and why it was made, or return an empty text."""
        if self.landmarks_ is None:
            return ""
        why = f"{self.rows_:,} rows > {_KERNEL_ROWS:,}" if self.approximate == "auto" else "approximate was set"
        return f"Nystroem with {len(self.landmarks_):,} components and a least-squares machine, because {why}"

    def save_weights(self, folder: Path) -> None:
        """Write `svm.skops`."""
        names = _LEARNED if self.landmarks_ is None else _APPROXIMATE
        _skops.save({name: getattr(self, name) for name in names}, folder / _FILE)

    def load_weights(self, folder: Path) -> None:
        """Read `svm.skops`.

        Raises:
            ValueError: the file holds a type other than a scaler, a support vector machine, arrays and numbers.
        """
        try:
            learned = skops.io.load(folder / _FILE, trusted=_TRUSTED)
        except UntrustedTypesFoundException as error:
            raise ValueError(f"{_FILE} holds types that a support vector machine does not need: {error}") from None
        if not isinstance(learned, dict) or learned.keys() not in (set(_LEARNED), set(_APPROXIMATE)):
            raise ValueError(f"{_FILE} holds neither {', '.join(_LEARNED)} nor {', '.join(_APPROXIMATE)}")
        self._set_learned(learned)

    def _set_learned(self, learned: Mapping[str, Any]) -> None:
        """Set what was learned, and forget an earlier machine of the other kind."""
        nothing = dict.fromkeys(("machine_", "support_vectors_", "landmarks_", "weights_", "intercept_"))
        for name, value in {**nothing, "rows_": 0, **learned}.items():
            setattr(self, name, value)

    def _fit(self, X: Matrix | StreamedMatrix, codes: Codes) -> None:
        self._check_params()
        if components := self._count_components(len(X)):
            self._fit_approximately(X, codes, components)
        else:
            self._fit_exactly(X, codes)

    def _count_components(self, rows: int) -> int:
        """Return the number of landmarks, or 0 for an exact machine."""
        if self.approximate is False or (self.approximate == "auto" and rows <= _KERNEL_ROWS):
            return 0
        return min(rows, _COMPONENTS if self.approximate in ("auto", True) else int(self.approximate))

    def _fit_approximately(self, X: Matrix | StreamedMatrix, codes: Codes, components: int) -> None:
        task = ApproximateFit(
            C=self.C,
            folds=self.calibration_folds,
            components=components,
            weights=compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_[codes]),
            seed=draw_seed(self.random_state),
            calibrated=self._shared is None,
        )
        self._set_learned(fit_approximately(task, X, codes, self._compute_gamma))

    def _fit_exactly(self, X: Matrix | StreamedMatrix, codes: Codes) -> None:
        shared = self._shared or standardize(X[:])
        Z = shared.Z
        self._set_learned({"scaler_": shared.scaler, "gamma_": self._compute_gamma(Z.shape[1], float(Z.var()))})
        whole = len(Z) <= _KERNEL_ROWS
        inputs = compute_kernel(Z, Z, self.gamma_, shared=shared) if whole else Z  # (N, N) or (N, D)
        self._fit_machine(inputs, codes, self._make_machine("precomputed" if whole else "rbf"))
        self.support_vectors_ = Z[self.machine_.support_]

    def _fit_machine(self, inputs: Matrix, codes: Codes, machine: SVC) -> None:
        frequent = np.flatnonzero(np.bincount(codes) >= self.calibration_folds)
        rows = np.flatnonzero(np.isin(codes, frequent))
        calibrated = len(frequent) >= 2 and self._shared is None  # a search asks for classes only
        self.temperature_ = 1.0
        if calibrated:
            chosen, names = _take(inputs, rows, machine), self.classes_[codes[rows]]
            fitted = fit_temperature(machine, chosen, names, self.calibration_folds, self.random_state)
            self.machine_, self.temperature_ = fitted
        if len(rows) < len(codes) or not calibrated:
            self.machine_ = machine.fit(inputs, self.classes_[codes])

    def _make_machine(self, kernel: str) -> SVC:
        gamma = self.gamma_ if kernel == "rbf" else "auto"  # a precomputed kernel already includes it
        return SVC(C=self.C, kernel=kernel, gamma=gamma, class_weight=self.class_weight, cache_size=self.cache_size)

    def _compute_gamma(self, columns: int, variance: float) -> float:
        """Compute the kernel's factor for standardized rows of so many columns and so much variance."""
        scale = 1 / (columns * (variance or 1.0))
        named = {"wide": _WIDE * scale, "scale": scale, "auto": 1 / columns}
        return self.gamma_factor * (named[self.gamma] if isinstance(self.gamma, str) else float(self.gamma))

    def _check_params(self) -> None:
        self._check_counts("calibration_folds", low=2)
        for name in ("C", "gamma_factor", "cache_size"):
            self._check_number(name, low=0)
        if isinstance(self.gamma, str):
            self._check_choice("gamma", ("wide", "scale", "auto"))
        else:
            self._check_number("gamma", low=0)
        if isinstance(self.approximate, str) and self.approximate != "auto":
            raise ValueError(f"approximate must be 'auto', True, False or a number, got {self.approximate!r}")
        if not isinstance(self.approximate, (str, bool)):
            self._check_counts("approximate", low=2)

    def _predict_proba(self, X: Matrix | StreamedMatrix) -> Matrix:
        scores = np.concatenate([self._compute_scores(X[rows]) for rows in gen_batches(len(X), _BATCH)])
        return to_probabilities(scores, self.temperature_)

    def _compute_scores(self, X: Matrix) -> Matrix:
        """Compute decision values: (N, C), or (N,) for two classes."""
        Z = self.scaler_.transform(X)
        if self.landmarks_ is not None:
            return LinearScores(self.weights_, self.intercept_).compute(compute_kernel(Z, self.landmarks_, self.gamma_))
        if self.machine_.kernel == "precomputed":
            kernel = np.zeros((len(Z), self.machine_.shape_fit_[0]))  # only the support vectors' columns are read
            kernel[:, self.machine_.support_] = compute_kernel(Z, self.support_vectors_, self.gamma_)
            Z = kernel
        scores: Matrix = self.machine_.decision_function(Z)
        return scores


def _take(inputs: Matrix, rows: Codes, machine: SVC) -> Matrix:
    """Select rows, and of a kernel the same columns. All rows are returned without a copy."""
    if len(rows) == len(inputs):
        return inputs
    return inputs[np.ix_(rows, rows)] if machine.kernel == "precomputed" else inputs[rows]

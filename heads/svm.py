"""Support vector machine with a radial basis kernel on standardised features, with calibrated probabilities."""

from pathlib import Path

import numpy as np
import skops.io
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skops.io.exceptions import UntrustedTypesFoundException

from heads._base import Codes, Head, Matrix, seed_from

__all__ = ["SVMHead"]

_FILE = "svm.skops"
# what skops trusts of itself covers a pipeline of scaler and SVC, a float and a dict: nothing is added to it
_TRUSTED: list[str] = []


class SVMHead(Head):
    """Standardises each column, then an RBF support vector machine, one class against one.

    Its scores become probabilities by temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural
    Networks"): softmax(score / temperature), the temperature chosen on out-of-fold scores. It is one positive number,
    so the most probable class is always the machine's own. Classes with fewer members than folds are left out of
    the calibration, not of the machine; where fewer than two classes remain, the temperature is 1.

    Args:
        C: cost of a training error, above 0.
        gamma: width of the kernel: "scale" (1 over columns times variance), "auto" (1 over columns) or above 0.
        class_weight: None, "balanced", or a weight by class name.
        calibration_folds: folds for the temperature, at least 2; each is one more fit.
        cache_size: memory of the kernel cache in MB.
        random_state: seeds the cut into calibration folds.

    Attributes:
        pipeline_: the fitted scaler and machine.
        temperature_: above 1 where the machine's scores are over-confident.
    """

    pipeline_: Pipeline
    temperature_: float

    def __init__(
        self,
        *,
        C: float = 1.0,
        gamma: float | str = "scale",
        class_weight: dict[str, float] | str | None = None,
        calibration_folds: int = 3,
        cache_size: float = 500.0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.class_weight = class_weight
        self.calibration_folds = calibration_folds
        self.cache_size = cache_size
        self.random_state = random_state

    def save_weights(self, folder: Path) -> None:
        """Writes `svm.skops`."""
        skops.io.dump({"pipeline": self.pipeline_, "temperature": self.temperature_}, folder / _FILE)

    def load_weights(self, folder: Path) -> None:
        """Reads `svm.skops`.

        Raises:
            ValueError: the file holds a type other than a scaler and a support vector machine.
        """
        try:
            learned = skops.io.load(folder / _FILE, trusted=_TRUSTED)
        except UntrustedTypesFoundException as error:
            raise ValueError(f"{_FILE} holds types that a support vector machine does not need: {error}") from None
        self.pipeline_, self.temperature_ = learned["pipeline"], learned["temperature"]

    def _fit(self, X: Matrix, codes: Codes) -> None:
        self._check_number("calibration_folds", low=2, integer=True, inclusive=True)
        often = np.flatnonzero(np.bincount(codes) >= self.calibration_folds)
        rows = np.isin(codes, often)
        if len(often) < 2:
            self.pipeline_, self.temperature_ = self._machine().fit(X, self.classes_[codes]), 1.0
        elif rows.all():
            self.pipeline_, self.temperature_ = self._calibrated(X, codes)
        else:
            self.pipeline_ = self._machine().fit(X, self.classes_[codes])
            self.temperature_ = self._calibrated(X[rows], codes[rows])[1]

    def _calibrated(self, X: Matrix, codes: Codes) -> tuple[Pipeline, float]:
        folds = StratifiedKFold(self.calibration_folds, shuffle=True, random_state=seed_from(self.random_state))
        fitted = CalibratedClassifierCV(self._machine(), method="temperature", cv=folds, ensemble=False)
        (pair,) = fitted.fit(X, self.classes_[codes]).calibrated_classifiers_
        return pair.estimator, float(1 / pair.calibrators[0].beta_)

    def _machine(self) -> Pipeline:
        svc = SVC(C=self.C, gamma=self.gamma, class_weight=self.class_weight, cache_size=self.cache_size)
        return make_pipeline(StandardScaler(), svc)

    def _probabilities(self, X: Matrix) -> Matrix:
        scores = self.pipeline_.decision_function(X)
        if scores.ndim == 1:  # two classes: one score, positive for the second
            scores = np.column_stack([-scores, scores])
        probabilities: Matrix = softmax(scores / self.temperature_, axis=1)  # (N, C)
        return probabilities

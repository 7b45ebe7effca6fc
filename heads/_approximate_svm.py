"""Fit an approximate support vector machine and its temperature, a batch of rows at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

from heads._base import Codes, Matrix
from heads._calibration import choose_temperature
from heads._nystroem import KernelSums, make_basis
from heads._rbf_kernel import compute_kernel
from heads._streamed import StreamedMatrix

_BATCH = 4096  # rows in memory beside X
_CALIBRATED = 15_000  # rows whose out-of-fold scores choose the temperature, at most


@dataclass(frozen=True)
class ApproximateFit:
    """Settings of an approximate machine.

    Args:
        C: cost of a training error.
        folds: that choose the temperature.
        components: number of landmarks, at most the number of rows.
        weights: of the rows of each class (C,).
        seed: of the landmarks and the folds.
        calibrated: whether to choose a temperature; otherwise it is 1.
    """

    C: float
    folds: int
    components: int
    weights: NDArray[np.float64]
    seed: int
    calibrated: bool


def fit_approximately(
    task: ApproximateFit, X: Matrix | StreamedMatrix, codes: Codes, compute_gamma: Callable[[int, float], float]
) -> dict[str, Any]:
    """Fit the machine, and return what `SVMHead` learns of it, by attribute.

    Args:
        task: its settings.
        X: (N, D).
        codes: class number of each row (N,).
        compute_gamma: returns gamma, given the number of columns and the variance of standardized X.
    """
    scaler = _fit_scaler(X)
    gamma = compute_gamma(X.shape[1], float(np.mean(scaler.var_ / scaler.scale_**2)))
    chosen = np.sort(np.random.default_rng(task.seed).choice(len(X), task.components, replace=False))
    machine = _Machine(task, scaler, scaler.transform(X[chosen]), gamma)
    folds = _draw_folds(task, codes)  # (N,), -1 for those that are not calibrated on
    sums = machine.add_rows(X, codes, folds)
    scores = sums[-1].combine(sums[:-1]).solve(machine.basis, task.C, np.arange(len(task.weights)))
    return {
        "scaler_": scaler,
        "landmarks_": machine.landmarks,
        "weights_": scores.weights,
        "intercept_": scores.intercept,
        "gamma_": gamma,
        "temperature_": machine.choose_temperature(X, codes, folds, sums[:-1]),
        "rows_": len(X),
    }


class _Machine:
    def __init__(self, task: ApproximateFit, scaler: StandardScaler, landmarks: Matrix, gamma: float) -> None:
        self._task, self._scaler, self._gamma = task, scaler, gamma
        self.landmarks = landmarks
        self.basis = make_basis(landmarks, gamma)

    def add_rows(self, X: Matrix | StreamedMatrix, codes: Codes, folds: Codes) -> list[KernelSums]:
        """Sum over the rows of each fold, and at last over the rows of none."""
        sums = [KernelSums(len(self.landmarks), len(self._task.weights)) for _ in range(folds.max() + 2)]
        for rows in gen_batches(len(X), _BATCH):
            kernel, weights = self.compute_kernel(X[rows]), self._task.weights[codes[rows]]
            for fold in np.unique(folds[rows]):
                own = folds[rows] == fold
                sums[fold].add(kernel[own], codes[rows][own], weights[own])
        return sums

    def compute_kernel(self, X: Matrix) -> Matrix:
        """Compute the kernels of rows X (n, D) with the landmarks: (n, M)."""
        return compute_kernel(self._scaler.transform(X), self.landmarks, self._gamma)

    def choose_temperature(
        self, X: Matrix | StreamedMatrix, codes: Codes, folds: Codes, sums: list[KernelSums]
    ) -> float:
        """Choose the temperature on out-of-fold scores, of at most 15,000 rows."""
        if len(sums) < 2:
            return 1.0
        classes, places = np.unique(codes[folds >= 0], return_inverse=True)
        of_row = np.full(len(codes), -1)
        of_row[folds >= 0] = places
        scores, truth = [], []
        for fold, sample in enumerate(self._sample(folds)):
            others = [one for number, one in enumerate(sums) if number != fold]
            machine = others[0].combine(others[1:]).solve(self.basis, self._task.C, classes)
            for rows in gen_batches(len(sample), _BATCH):
                scores.append(machine.compute(self.compute_kernel(X[sample[rows]])))
                truth.append(of_row[sample[rows]])
        return choose_temperature(np.concatenate(scores), np.concatenate(truth))

    def _sample(self, folds: Codes) -> list[Codes]:
        """Draw as many rows of each fold, in their order."""
        random = np.random.default_rng(self._task.seed)
        members = [np.flatnonzero(folds == fold) for fold in range(folds.max() + 1)]
        most = _CALIBRATED // len(members)
        return [np.sort(random.choice(rows, min(most, len(rows)), replace=False)) for rows in members]


def _fit_scaler(X: Matrix | StreamedMatrix) -> StandardScaler:
    scaler = StandardScaler()
    for rows in gen_batches(len(X), _BATCH):
        scaler.partial_fit(X[rows])
    return scaler


def _draw_folds(task: ApproximateFit, codes: Codes) -> Codes:
    """Draw the calibration fold of each row, or -1 where it has none: in classes with fewer members than folds."""
    found = np.full(len(codes), -1)
    frequent = np.flatnonzero(np.bincount(codes) >= task.folds)
    rows = np.flatnonzero(np.isin(codes, frequent))
    if task.calibrated and len(frequent) >= 2:
        splitter = StratifiedKFold(task.folds, shuffle=True, random_state=task.seed)
        for fold, (_, held_out) in enumerate(splitter.split(rows, codes[rows])):
            found[rows[held_out]] = fold
    return found

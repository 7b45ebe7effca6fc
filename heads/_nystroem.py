"""Approximate a kernel machine by a least-squares machine on kernels of some rows, in time linear in the rows.

Williams and Seeger 2000, "Using the Nyström Method to Speed Up Kernel Machines"; Suykens and Vandewalle 1999, "Least
Squares Support Vector Machine Classifiers". With kernels k (M,) of a row and M landmarks, the scores are k @ weights +
intercept. They minimize, summed over rows and classes, weight * (target - score)^2 with targets of 1 and -1, plus the
machine's squared norm / C. Only sums over the rows are kept, so neither time nor memory grows faster than the rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, solve

from heads._base import Codes, Matrix
from heads._rbf_kernel import compute_kernel

Values = NDArray[np.float64]

_SMALLEST = 1e-6  # of the largest eigenvalue of the landmarks' kernel: below, float32 distances are noise


@dataclass(frozen=True)
class LinearScores:
    """A machine that is linear in the kernels of M landmarks, for C classes.

    Args:
        weights: (M, C).
        intercept: (C,).
    """

    weights: Values
    intercept: Values

    def compute(self, kernel: Matrix) -> Values:
        """Compute the scores of N rows by their kernels (N, M): (N, C)."""
        scores: Values = kernel @ self.weights + self.intercept
        return scores


@dataclass
class KernelSums:
    """Sums over rows that a least-squares machine needs: of the kernels of M landmarks and a constant column.

    Args:
        landmarks: number of landmarks, M.
        classes: number of classes, C.
    """

    landmarks: int
    classes: int
    products: Values = field(init=False)  # (M + 1, M + 1)
    by_class: Values = field(init=False)  # (C, M + 1)

    def __post_init__(self) -> None:
        """Start from no rows."""
        self.products = np.zeros((self.landmarks + 1, self.landmarks + 1))
        self.by_class = np.zeros((self.classes, self.landmarks + 1))

    def add(self, kernel: Values, codes: Codes, weights: Values) -> None:
        """Add rows.

        Args:
            kernel: of each row and each landmark (n, M).
            codes: class number of each row (n,).
            weights: of each row (n,).
        """
        columns = np.column_stack([kernel, np.ones(len(kernel))])
        columns *= np.sqrt(weights)[:, None]
        self.products += columns.T @ columns
        member = (codes[:, None] == np.arange(self.classes)) * np.sqrt(weights)[:, None]  # (n, C)
        self.by_class += member.T @ columns

    def combine(self, others: Iterable["KernelSums"]) -> "KernelSums":
        """Return the sums over the rows of this one and of others."""
        total = KernelSums(self.landmarks, self.classes)
        for one in (self, *others):
            total.products += one.products
            total.by_class += one.by_class
        return total

    def solve(self, basis: Values, C: float, classes: Codes) -> LinearScores:
        """Fit one machine per class against all rows of other classes.

        Args:
            basis: of `make_basis` (M, K).
            C: cost of a training error, above 0.
            classes: numbers of the classes to fit (C,), at least 1.
        """
        total = self.products[-1, -1]
        mean = self.products[-1, :-1] / total @ basis  # (K,)
        members, sizes = self.by_class[classes, :-1] @ basis, self.by_class[classes, -1]  # (C, K), (C,)
        balance = 2 * sizes / total - 1  # mean target of each class
        spread = basis.T @ self.products[:-1, :-1] @ basis - total * np.outer(mean, mean)
        toward = 2 * (members - sizes[:, None] * mean)  # a class's own rows against the mean row
        spread.flat[:: len(spread) + 1] += 1 / C
        found = solve(spread, toward.T, assume_a="pos")  # (K, C)
        return LinearScores(basis @ found, balance - mean @ found)


def make_basis(landmarks: Matrix, gamma: float) -> Values:
    """Return the map (M, K) from kernels of M landmarks to K orthonormal columns, without those that are noise."""
    sizes, directions = eigh(compute_kernel(landmarks, landmarks, gamma))
    kept = sizes > _SMALLEST * sizes[-1]
    basis: Values = directions[:, kept] / np.sqrt(sizes[kept])
    return basis

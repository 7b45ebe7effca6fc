"""Hold the values that one head predicts, with their metrics."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics import bootstrap
from benchmarks.statistics.bootstrap import Values
from benchmarks.statistics.value_metrics import find_value_limits, sum_value_moments, value_metrics_from_sums


@dataclass(frozen=True, eq=False)
class ValueAnswers:
    """The values that one head predicts for every utterance.

    Args:
        truth: (N, T) values of the corpus, on its own scale.
        prediction: (N, T) predicted ones.
        targets: T names, such as `valence`.

    Raises:
        ValueError: there is nothing to measure, the shapes differ, or a value is not finite.
    """

    truth: NDArray[np.float64]
    prediction: NDArray[np.float64]
    targets: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check shapes and values."""
        shapes = np.shape(self.truth), np.shape(self.prediction)
        if not len(self.truth) or set(shapes) != {(len(self.truth), len(self.targets))}:
            raise ValueError(f"nothing to measure: {len(self.targets)} targets, values of the shapes {shapes}")
        if not (np.isfinite(self.truth).all() and np.isfinite(self.prediction).all()):
            raise ValueError("values must be finite numbers")

    def values(self) -> dict[str, float]:
        """Return every metric by name."""
        return dict(self._values)

    def limits(self, metric: str) -> tuple[float, float]:
        """Return the least and the greatest possible value of a metric."""
        return find_value_limits(metric)

    def select(self, rows: NDArray[np.intp]) -> "ValueAnswers":
        """Return the answers of some rows."""
        return ValueAnswers(self.truth[rows], self.prediction[rows], self.targets)

    def is_equal(self, other: "ValueAnswers") -> bool:
        """Tell whether another head predicts the same."""
        return self.targets == other.targets and np.array_equal(self.prediction, other.prediction)

    def resample(self, unit: NDArray[np.intp], resamples: int, seed: int) -> dict[str, Values]:
        """Return every metric in each resample (R,) of units, and keep the result.

        Args:
            unit: (N,) number of each utterance's unit of resampling.
            resamples: how often to resample.
            seed: of the resampling.
        """
        key = (hashlib.sha256(unit.tobytes()).digest(), resamples, seed)
        if key not in self._resamples:
            units = bootstrap.group_units(unit, seed)
            sums = bootstrap.resample_sums(sum_value_moments(self.truth, self.prediction, units), resamples, seed)
            self._resamples[key] = value_metrics_from_sums(sums, self.targets)
        return self._resamples[key]

    @cached_property
    def _values(self) -> dict[str, float]:
        (sums,) = sum_value_moments(self.truth, self.prediction, np.zeros(len(self.truth), np.intp))
        return {name: float(value) for name, value in value_metrics_from_sums(sums, self.targets).items()}

    @cached_property
    def _resamples(self) -> dict[tuple[bytes, int, int], dict[str, Values]]:
        return {}


def score_values(
    truth: NDArray[np.float64], prediction: NDArray[np.float64], metric: str, targets: Sequence[str]
) -> float:
    """Compute one metric of values (N, T).

    >>> truth = np.array([[1.0], [2.0], [3.0]])
    >>> round(score_values(truth, truth + 1, "mean_concordance_correlation", ("valence",)), 4)
    0.5714
    """
    return ValueAnswers(truth, prediction, tuple(targets)).values()[metric]

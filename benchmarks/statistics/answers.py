"""Hold the predictions of one head, with its metrics and its confusion matrix."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from benchmarks.statistics import bootstrap
from benchmarks.statistics.bootstrap import Values
from benchmarks.statistics.coded_labels import Codes, encode_labels, list_distinct_labels, select_labels
from benchmarks.statistics.count_metrics import metrics_from_sums
from benchmarks.statistics.matrix_store import SpilledMatrix
from benchmarks.statistics.metrics import (
    Labels,
    Probabilities,
    check_classes,
    check_lengths,
    encode_truth,
    upper_limit,
)
from benchmarks.statistics.unit_sums import sum_by_unit


@dataclass(frozen=True)
class Answers:
    """The predictions of one head for every utterance.

    Args:
        truth: (N,) true classes.
        prediction: (N,) predicted classes.
        classes: (C,) names.
        probabilities: (N, C) in the order of `classes`; None where they are not measured.
    """

    truth: Labels
    prediction: Labels
    classes: Labels
    probabilities: Probabilities | SpilledMatrix | None = None

    def values(self) -> dict[str, float]:
        """Return every metric by name, those of probabilities only where there are any.

        Raises:
            ValueError: there is nothing to measure, lengths differ, or rows are not probabilities.
            UnknownName: a class is not among `classes`.
        """
        return dict(self._values)

    def limits(self, metric: str) -> tuple[float, float]:
        """Return the least and the greatest possible value of a metric."""
        return 0.0, upper_limit(metric)

    @cached_property
    def codes(self) -> tuple[Codes, Codes]:
        """The place among `classes` of each true and each predicted class: (N,) each.

        Raises:
            UnknownName: a class is not among `classes`.
        """
        found = list_distinct_labels(self.truth) | list_distinct_labels(self.prediction)
        check_classes(sorted(found), self.classes)
        return encode_labels(self.truth, self.classes), encode_labels(self.prediction, self.classes)

    def find_right(self) -> NDArray[np.bool_]:
        """Tell for each utterance whether its prediction is right (N,)."""
        truth, prediction = self.codes
        return np.asarray(truth == prediction)

    def confusion(self) -> NDArray[np.int64]:
        """Count how often each class was predicted for each true class: (C true, C predicted)."""
        counts: NDArray[np.int64] = confusion_matrix(*self.codes, labels=range(len(self.classes)))
        return counts

    def is_equal(self, other: "Answers") -> bool:
        """Tell whether another head gives the same answers: names of classes first, then what is read in full."""
        return (
            list(self.classes) == list(other.classes)
            and all(map(np.array_equal, self.codes, other.codes))
            and np.array_equal(np.asarray(self.probabilities), np.asarray(other.probabilities))
        )

    def select(self, rows: NDArray[np.intp]) -> "Answers":
        """Return the answers of some rows, without probabilities."""
        return Answers(select_labels(self.truth, rows), select_labels(self.prediction, rows), self.classes)

    def resample(self, unit: NDArray[np.intp], resamples: int, seed: int) -> dict[str, Values]:
        """Return every metric in each resample (R,) of units.

        The result is kept: the intervals of a head and its comparisons with other heads use the same resamples.

        Args:
            unit: (N,) number of each utterance's unit of resampling.
            resamples: how often to resample.
            seed: of the resampling.
        """
        key = (hashlib.sha256(unit.tobytes()).digest(), resamples, seed)
        if key not in self._resamples:
            sums = bootstrap.resample_sums(self.sum_by_unit(bootstrap.group_units(unit, seed)), resamples, seed)
            self._resamples[key] = metrics_from_sums(sums, len(self.classes))
        return self._resamples[key]

    def sum_by_unit(self, unit: NDArray[np.intp]) -> Values:
        """Sum what the metrics are made of by unit: (U, S) (`benchmarks.statistics.unit_sums`).

        Args:
            unit: (N,) number of each utterance's unit.

        Raises:
            UnknownName: a class is not among `classes`.
        """
        return sum_by_unit(*self.codes, len(self.classes), self.probabilities, unit)

    @cached_property
    def _values(self) -> dict[str, float]:
        check_lengths(self.truth, self.prediction)
        if self.probabilities is not None:
            encode_truth(self.truth, np.asarray(self.probabilities), self.classes)
        (sums,) = self.sum_by_unit(np.zeros(len(self.truth), np.intp))
        return {name: float(value) for name, value in metrics_from_sums(sums, len(self.classes)).items()}

    @cached_property
    def _resamples(self) -> dict[tuple[bytes, int, int], dict[str, Values]]:
        return {}

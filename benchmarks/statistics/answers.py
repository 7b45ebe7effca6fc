"""Hold the predictions of one head, with its metrics and its confusion matrix."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from benchmarks.statistics import bootstrap
from benchmarks.statistics.bootstrap import Values
from benchmarks.statistics.count_metrics import metrics_from_sums
from benchmarks.statistics.metrics import (
    Labels,
    Probabilities,
    bin_confidences,
    brier_scores,
    check_classes,
    check_lengths,
    encode_truth,
    log_losses,
)


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
    probabilities: Probabilities | None = None

    def values(self) -> dict[str, float]:
        """Return every metric by name, those of probabilities only where there are any.

        Raises:
            ValueError: there is nothing to measure, lengths differ, or rows are not probabilities.
            UnknownName: a class is not among `classes`.
        """
        return dict(self._values)

    def confusion(self) -> NDArray[np.int64]:
        """Count how often each class was predicted for each true class: (C true, C predicted)."""
        counts: NDArray[np.int64] = confusion_matrix(self.truth, self.prediction, labels=list(self.classes))
        return counts

    def per_class(self) -> dict[str, dict[str, float]]:
        """Return the precision, recall and F1 of each class, in 0..1, and `n`, its true utterances.

        Precision is TP / (TP + FP), recall TP / (TP + FN), F1 2 TP / (2 TP + FP + FN), and 0 where the denominator is
        0 (van Rijsbergen 1979, "Information Retrieval", chapter 7).
        """
        figures = precision_recall_fscore_support(
            self.truth, self.prediction, labels=list(self.classes), zero_division=0
        )
        names = ("precision", "recall", "f1", "n")
        return {
            name: dict(zip(names, map(float, row), strict=True))
            for name, row in zip(self.classes, np.transpose(figures), strict=True)
        }

    def resample(self, unit: NDArray[np.intp], resamples: int, seed: int) -> dict[str, Values]:
        """Return every metric in each resample (R,) of units.

        The result is kept: the intervals of a head and its comparisons with other heads use the same resamples.

        Args:
            unit: (N,) number of each utterance's unit of resampling.
            resamples: how often to resample.
            seed: of the resampling.
        """
        key = (unit.tobytes(), resamples, seed)
        if key not in self._resamples:
            sums = bootstrap.resample_sums(bootstrap.sum_by_unit(self.rows(), unit), resamples, seed)
            self._resamples[key] = metrics_from_sums(sums, len(self.classes))
        return self._resamples[key]

    def rows(self) -> Values:
        """Return what the metrics sum up, by utterance: (N, S), the confusion matrix, then the probabilities' scores.

        Raises:
            UnknownName: a class is not among `classes`.
        """
        check_classes([*self.truth, *self.prediction], self.classes)
        index = {name: number for number, name in enumerate(self.classes)}
        truth = np.array([index[name] for name in self.truth])
        prediction = np.array([index[name] for name in self.prediction])
        tables = np.zeros((len(truth), len(index) ** 2))
        tables[np.arange(len(truth)), truth * len(index) + prediction] = 1
        if self.probabilities is None:
            return tables
        scores = np.column_stack([log_losses(truth, self.probabilities), brier_scores(truth, self.probabilities)])
        return np.column_stack([tables, scores, *bin_confidences(truth, self.probabilities)])

    @cached_property
    def _values(self) -> dict[str, float]:
        check_lengths(self.truth, self.prediction)
        if self.probabilities is not None:
            encode_truth(self.truth, self.probabilities, self.classes)
        sums = self.rows().sum(0)
        return {name: float(value) for name, value in metrics_from_sums(sums, len(self.classes)).items()}

    @cached_property
    def _resamples(self) -> dict[tuple[bytes, int, int], dict[str, Values]]:
        return {}

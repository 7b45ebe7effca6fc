"""95 % bootstrap intervals of the metrics, over utterances or over clusters of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics import bootstrap
from benchmarks.statistics.bootstrap import CONFIDENCE, RESAMPLES, Values
from benchmarks.statistics.metrics import (
    BINS,
    PROBABILITY_METRICS,
    Labels,
    Probabilities,
    binned,
    brier_scores,
    check,
    coded,
    expected_calibration_error,
    greatest,
    log_losses,
)

__all__ = ["CONFIDENCE", "RESAMPLES", "Answers", "Bare", "Interval", "estimates", "intervals"]


@dataclass(frozen=True)
class Interval:
    """A metric with its interval.

    Args:
        value: on all n utterances.
        low: lower end of the interval; `high` the upper.
        n: number of utterances.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Bare:
    """A metric that resampling gives no interval of: `low` and `high` are None."""

    value: float
    n: int
    low: None = None
    high: None = None


@dataclass(frozen=True)
class Answers:
    """What one head said of every utterance.

    Args:
        truth: (N,) true classes.
        prediction: (N,) predicted classes.
        probabilities: (N, C) in the order of `classes`; None where they are not measured.
        classes: (C,) names.
    """

    truth: Labels
    prediction: Labels
    classes: Labels
    probabilities: Probabilities | None = None

    def values(self) -> dict[str, float]:
        """Every metric by name, from one table of counts: a tenth of the time of one call per metric.

        Raises:
            ValueError, UnknownName: as the metrics raise.
        """
        return dict(self._values)

    def per_class(self) -> dict[str, dict[str, float]]:
        """The figures of each class (`benchmarks.statistics.metrics.per_class`)."""
        count = len(self.classes)
        table = self.rows()[:, : count**2].sum(0).reshape(count, count)
        right, true, predicted = np.diagonal(table), table.sum(1), table.sum(0)
        figures = {
            "precision": _divide(right, predicted),
            "recall": _divide(right, true),
            "f1": _divide(2 * right, true + predicted),
            "n": true,
        }
        return {
            name: {figure: float(values[row]) for figure, values in figures.items()}
            for row, name in enumerate(self.classes)
        }

    @cached_property
    def _values(self) -> dict[str, float]:
        check(self.truth, self.prediction)
        if self.probabilities is not None:
            coded(self.truth, self.probabilities, self.classes)
        return {name: float(value) for name, value in from_sums(self.rows().sum(0), len(self.classes)).items()}

    def resampled(self, unit: NDArray[np.intp], resamples: int, seed: int) -> dict[str, Values]:
        """Every metric in each resample (R,) of units (N,); kept, since intervals and every pair ask for the same."""
        asked = (unit.tobytes(), resamples, seed)
        if asked not in self._resampled:
            sums = bootstrap.resampled(bootstrap.summed(self.rows(), unit), resamples, seed)
            self._resampled[asked] = from_sums(sums, len(self.classes))
        return self._resampled[asked]

    @cached_property
    def _resampled(self) -> dict[tuple[bytes, int, int], dict[str, Values]]:
        return {}

    def rows(self) -> Values:
        """What the metrics are made of, per utterance: (N, S), the confusion table, then the probabilities' sums."""
        place = {name: number for number, name in enumerate(self.classes)}
        truth = np.array([place[name] for name in self.truth])
        prediction = np.array([place[name] for name in self.prediction])
        tables = np.zeros((len(truth), len(place) ** 2))
        tables[np.arange(len(truth)), truth * len(place) + prediction] = 1
        if self.probabilities is None:
            return tables
        scores = np.column_stack([log_losses(truth, self.probabilities), brier_scores(truth, self.probabilities)])
        return np.column_stack([tables, scores, *binned(truth, self.probabilities)])


def intervals(
    truth: Labels,
    prediction: Labels,
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """Every metric of predicted classes with the bootstrap interval of 95 % (Efron and Tibshirani 1993, "An
    Introduction to the Bootstrap", chapter 13; for few units as `benchmarks.statistics.bootstrap.ends` says).

    A resample draws as many utterances as there are, with replacement; with `clusters` it draws whole clusters, as
    many as there are: utterances of one speaker are alike, and an interval over utterances is then too narrow.
    The same seed gives the same interval.

    Args:
        truth: (N,) true classes.
        prediction: (N,) predicted classes.
        clusters: (N,) for example the speaker of each utterance.
        resamples: how often to resample.
        seed: of the resampling.

    Raises:
        ValueError: nothing to measure, or unequal lengths.
        Mismatch: as many clusters as utterances are not there, or only one cluster.

    >>> interval = intervals(["sad", "happy"] * 50, ["sad"] * 100)["accuracy"]
    >>> interval.value, interval.n
    (0.5, 100)
    >>> 0.35 < interval.low < 0.45, 0.55 < interval.high < 0.65
    (True, True)
    """
    answers = Answers(truth, prediction, sorted({*truth, *prediction}))
    found = estimates([answers], clusters=clusters, resamples=resamples, seed=seed)
    return {name: one for name, one in found.items() if isinstance(one, Interval)}


def estimates(
    answers: Sequence[Answers],
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval | Bare]:
    """Every metric, the mean over several answers to the same utterances (seeds of one head), with its interval.

    Each resample draws the same units for all of them. The expected calibration error is bare: a resample adds noise
    to the gap of every bin, so resamples lie above the figure and their percentiles are no interval of it.

    Args:
        answers: of each seed, on the same utterances in the same order.
        clusters: (N,) for example the speaker of each utterance.
        resamples: how often to resample.
        seed: of the resampling.

    Raises:
        ValueError, Mismatch: as `intervals` raises.
    """
    values = [found.values() for found in answers]
    mean = {name: float(np.mean([found[name] for found in values])) for name in values[0]}
    unit = bootstrap.units(len(answers[0].truth), clusters)
    spread = resampled_metrics(answers, unit, resamples, seed)
    count, n = bootstrap.effective(unit), len(answers[0].truth)
    return {
        name: Bare(value, n)
        if name == expected_calibration_error.__name__
        else Interval(value, *bootstrap.ends(value, spread[name], count, (0.0, greatest(name))), n=n)
        for name, value in mean.items()
    }


def resampled_metrics(
    answers: Sequence[Answers], unit: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Values]:
    """Every metric in each resample (R,), the mean over several answers to the same utterances."""
    found: dict[str, list[Values]] = {}
    for one in answers:
        for name, value in one.resampled(unit, resamples, seed).items():
            found.setdefault(name, []).append(value)
    return {name: np.mean(values, axis=0) for name, values in found.items()}


def from_sums(sums: Values, classes: int) -> dict[str, Values]:
    """Every metric from the sums (..., S) of what `Answers.rows` gives."""
    tables, scores = sums[..., : classes**2], sums[..., classes**2 :]
    counts = tables.reshape(*sums.shape[:-1], classes, classes)
    found = {name: metric(counts) for name, metric in FROM_COUNTS.items()}
    if scores.shape[-1]:
        n = counts.sum((-2, -1))
        gaps = np.abs(scores[..., 2 : 2 + BINS] - scores[..., 2 + BINS :]).sum(-1)
        sums_by_name = zip(PROBABILITY_METRICS, (scores[..., 0], scores[..., 1], gaps), strict=True)
        found |= {name: _divide(total, n) for name, total in sums_by_name}
    return found


def accuracy(counts: Values) -> Values:
    """Accuracy from confusion matrices (..., C true, C predicted)."""
    return _divide(_right(counts).sum(-1), counts.sum((-2, -1)))


def unweighted_average_recall(counts: Values) -> Values:
    """Unweighted average recall from confusion matrices (..., C true, C predicted)."""
    true = counts.sum(-1)
    return _divide(_divide(_right(counts), true).sum(-1), (true > 0).sum(-1))


def macro_f1(counts: Values) -> Values:
    """Macro F1 from confusion matrices (..., C true, C predicted)."""
    true = counts.sum(-1)
    scores = _divide(2 * _right(counts), true + counts.sum(-2))  # below the line 2 TP + FP + FN
    return _divide(scores.sum(-1), (true > 0).sum(-1))  # of a class that is not there the score is 0


def weighted_f1(counts: Values) -> Values:
    """Weighted F1 from confusion matrices (..., C true, C predicted)."""
    true = counts.sum(-1)
    scores = _divide(2 * _right(counts), true + counts.sum(-2))
    return _divide((scores * true).sum(-1), true.sum(-1))


FROM_COUNTS: dict[str, Callable[[Values], Values]] = {
    metric.__name__: metric for metric in (accuracy, unweighted_average_recall, macro_f1, weighted_f1)
}


def _right(counts: Values) -> Values:
    return np.diagonal(counts, axis1=-2, axis2=-1)  # (..., C)


def _divide(above: Values, below: Values) -> Values:
    """Quotient, 0 where nothing is below."""
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) > 0)

"""Compute the recall, precision and F1 of each class, with intervals."""

from collections.abc import Sequence

import numpy as np

from benchmarks.statistics import bootstrap
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.bootstrap import RESAMPLES, Values
from benchmarks.statistics.intervals import Interval, PointEstimate
from benchmarks.statistics.unit_sums import sum_by_unit

CLASS_METRICS = ("recall", "precision", "f1")

ClassFigures = dict[str, dict[str, Interval | PointEstimate]]


def estimate_class_metrics(
    answers: Sequence[Answers],
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ClassFigures:
    """Return the recall, precision and F1 of each class with 95 % intervals, the mean over several answers.

    Recall is TP / (TP + FN), precision TP / (TP + FP), F1 2 TP / (2 TP + FP + FN), and 0 where the denominator is 0
    (van Rijsbergen 1979, "Information Retrieval", chapter 7). A resample without the class, true or predicted as the
    metric needs, says nothing about it and is left out; where none is left there is no interval.

    Args:
        answers: of each seed of one head, on the same utterances in the same order.
        clusters: (N,) for example the speaker of each utterance.
        resamples: how often to resample.
        seed: of the resampling.

    Returns:
        By class and metric; `n` is the number of its true utterances.

    Raises:
        Mismatch: the number of clusters is not N, or there is only one cluster.
    """
    first = answers[0]
    unit = bootstrap.number_units(len(first.truth), clusters)
    count = bootstrap.effective_count(unit)
    groups = bootstrap.group_units(unit, seed)
    figures = [_measure(one, groups, resamples, seed) for one in answers]
    n = first.confusion().sum(axis=1).tolist()
    return {
        name: {
            metric: _estimate([one[metric][:, place] for one in figures], n[place], count) for metric in CLASS_METRICS
        }
        for place, name in enumerate(first.classes)
    }


def _measure(answers: Answers, unit: np.ndarray, resamples: int, seed: int) -> dict[str, Values]:
    """Return each metric of each class: its value in the first row, then each resample (1 + R, C).

    It is NaN for 0 / 0.
    """
    classes = len(answers.classes)
    sums = sum_by_unit(*answers.codes, classes, None, unit)
    drawn = np.vstack([sums.sum(axis=0), bootstrap.resample_sums(sums, resamples, seed)])
    counts = drawn.reshape(-1, classes, classes)
    right = np.diagonal(counts, axis1=1, axis2=2)
    true, predicted = counts.sum(axis=2), counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        found = (right / true, right / predicted, 2 * right / (true + predicted))
    return dict(zip(CLASS_METRICS, found, strict=True))


def _estimate(by_seed: Sequence[Values], n: int, count: float) -> Interval | PointEstimate:
    value = float(np.mean([np.nan_to_num(one[0]) for one in by_seed]))
    drawn = np.mean([one[1:] for one in by_seed], axis=0)
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return PointEstimate(value, n)
    return Interval(value, *bootstrap.interval_ends(value, drawn, count, (0.0, 1.0)), n=n)

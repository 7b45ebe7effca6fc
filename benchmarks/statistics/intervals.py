"""Compute 95 % bootstrap intervals of the metrics, over utterances or over clusters of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics import bootstrap
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.bootstrap import RESAMPLES, Values
from benchmarks.statistics.measured import MeasuredAnswers
from benchmarks.statistics.metrics import Labels

_WITHOUT_INTERVAL = "expected_calibration_error"  # every resample adds to the gap of every bin


@dataclass(frozen=True)
class Interval:
    """A metric with its interval.

    Args:
        value: on all n utterances.
        low: lower end of the interval.
        high: upper end.
        n: number of utterances.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PointEstimate:
    """A metric for which resampling gives no valid interval: `low` and `high` are None."""

    value: float
    n: int
    low: None = None
    high: None = None


def estimate_intervals(
    truth: Labels,
    prediction: Labels,
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return every metric of predicted classes with its 95 % bootstrap interval.

    A resample draws as many utterances as there are, with replacement (Efron and Tibshirani 1993, "An Introduction to
    the Bootstrap", chapter 13; for few units see `benchmarks.statistics.bootstrap.interval_ends`). With `clusters` it
    draws whole clusters, as many as there are: utterances of one speaker are alike, and an interval over utterances is
    then too narrow. The same seed gives the same interval.

    Args:
        truth: (N,) true classes.
        prediction: (N,) predicted classes.
        clusters: (N,) for example the speaker of each utterance.
        resamples: how often to resample.
        seed: of the resampling.

    Raises:
        ValueError: there is nothing to measure, or the lengths differ.
        Mismatch: the number of clusters is not N, or there is only one cluster.

    >>> interval = estimate_intervals(["sad", "happy"] * 50, ["sad"] * 100)["accuracy"]
    >>> interval.value, interval.n
    (0.5, 100)
    >>> 0.35 < interval.low < 0.45, 0.55 < interval.high < 0.65
    (True, True)
    """
    answers = Answers(truth, prediction, sorted({*truth, *prediction}))
    found = estimate_metrics([answers], clusters=clusters, resamples=resamples, seed=seed)
    return {name: one for name, one in found.items() if isinstance(one, Interval)}


def estimate_metrics(
    answers: Sequence[MeasuredAnswers],
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval | PointEstimate]:
    """Return every metric with its interval, the mean over several answers to the same utterances.

    Each resample draws the same units for all answers. The expected calibration error is a point estimate: a resample
    adds noise to the gap of every bin, so resamples lie above the value and their percentiles are not an interval.

    Args:
        answers: of each seed of one head, on the same utterances in the same order.
        clusters: (N,) for example the speaker of each utterance.
        resamples: how often to resample.
        seed: of the resampling.

    Raises:
        ValueError: there is nothing to measure, or the lengths differ.
        Mismatch: the number of clusters is not N, or there is only one cluster.
    """
    values = [one.values() for one in answers]
    mean = {name: float(np.mean([one[name] for one in values])) for name in values[0]}
    n = len(answers[0].truth)
    unit = bootstrap.number_units(n, clusters)
    spread = resample_metrics(answers, unit, resamples, seed)
    count = bootstrap.effective_count(unit)
    return {
        name: PointEstimate(value, n)
        if name == _WITHOUT_INTERVAL
        else Interval(value, *bootstrap.interval_ends(value, spread[name], count, answers[0].limits(name)), n=n)
        for name, value in mean.items()
    }


def resample_metrics(
    answers: Sequence[MeasuredAnswers], unit: NDArray[np.intp], resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Values]:
    """Return every metric in each resample (R,), the mean over several answers to the same utterances.

    Args:
        answers: of each seed of one head.
        unit: (N,) number of each utterance's unit of resampling.
        resamples: how often to resample.
        seed: of the resampling.
    """
    found: dict[str, list[Values]] = {}
    for one in answers:
        for name, value in one.resample(unit, resamples, seed).items():
            found.setdefault(name, []).append(value)
    return {name: np.mean(values, axis=0) for name, values in found.items()}

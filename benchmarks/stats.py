"""95 % bootstrap intervals of the metrics, over utterances or over clusters of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.metrics import METRICS, Labels
from featurestore.errors import Mismatch

CONFIDENCE = 0.95
RESAMPLES = 2000
METHOD = "95 % percentile bootstrap"

Counts = NDArray[np.int64]
Values = NDArray[np.float64]


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


def intervals(
    truth: Labels,
    prediction: Labels,
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """Every metric of `benchmarks.metrics` with the percentile bootstrap interval of 95 % (Efron and Tibshirani
    1993, "An Introduction to the Bootstrap", chapter 13).

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
    values = {name: metric(truth, prediction) for name, metric in METRICS.items()}
    tables = _resampled(_tables(truth, prediction, clusters), resamples, seed)
    ends = {name: _ends(metric(tables)) for name, metric in FROM_COUNTS.items()}
    return {name: Interval(value, *ends[name], n=len(truth)) for name, value in values.items()}


def accuracy(counts: Counts) -> Values:
    """Accuracy from confusion matrices (..., C true, C predicted)."""
    return _divide(_right(counts).sum(-1), counts.sum((-2, -1)))


def unweighted_average_recall(counts: Counts) -> Values:
    """Unweighted average recall from confusion matrices (..., C true, C predicted)."""
    true = counts.sum(-1)
    return _divide(_divide(_right(counts), true).sum(-1), (true > 0).sum(-1))


def macro_f1(counts: Counts) -> Values:
    """Macro F1 from confusion matrices (..., C true, C predicted)."""
    either = counts.sum(-1) + counts.sum(-2)  # 2 TP + FP + FN
    return _divide(_divide(2 * _right(counts), either).sum(-1), (either > 0).sum(-1))


FROM_COUNTS: dict[str, Callable[[Counts], Values]] = {
    metric.__name__: metric for metric in (accuracy, unweighted_average_recall, macro_f1)
}


def _right(counts: Counts) -> Counts:
    return np.diagonal(counts, axis1=-2, axis2=-1)  # (..., C)


def _divide(above: Counts | Values, below: Counts) -> Values:
    """Quotient, 0 where nothing is below."""
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) > 0)


def _ends(values: Values) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _resampled(tables: Counts, resamples: int, seed: int) -> Counts:
    """Confusion matrices of resampled units: (resamples, C, C).

    Units with equal tables are drawn as one with a multinomial: the same distribution as drawing unit by unit, but
    at most C x C numbers per resample where a unit is an utterance.
    """
    units, classes, _ = tables.shape
    different, times = np.unique(tables.reshape(units, -1), axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(units, times / units, size=resamples)
    return (draws @ different).reshape(resamples, classes, classes)


def _tables(truth: Labels, prediction: Labels, clusters: Sequence[str] | None) -> Counts:
    """The confusion matrix of each unit of resampling: (units, C true, C predicted)."""
    classes, codes = np.unique([*truth, *prediction], return_inverse=True)
    units = _units(len(truth), clusters)
    tables = np.zeros((units.max() + 1, len(classes), len(classes)), np.int64)
    np.add.at(tables, (units, codes[: len(truth)], codes[len(truth) :]), 1)
    return tables


def _units(n: int, clusters: Sequence[str] | None) -> NDArray[np.intp]:
    if clusters is None:
        return np.arange(n)
    if len(clusters) != n:
        raise Mismatch("every utterance needs a cluster", expected=f"{n} clusters", got=str(len(clusters)))
    names, units = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        raise Mismatch("an interval over clusters needs at least two", got=", ".join(names), do="resample utterances")
    return units

"""Compute metrics from confusion matrices, of one evaluation or of many resamples at once."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import confusion_matrix

from benchmarks.statistics import metrics
from benchmarks.statistics.bootstrap import Values
from benchmarks.statistics.metrics import BINS, METRIC, PROBABILITY_METRICS, Labels
from featurestore.known_names import check_known


def accuracy(counts: Values) -> Values:
    """Return the share of utterances whose class is right, in 0..1.

    Also called weighted accuracy (WA) in speech emotion recognition, since it weights each class by its size
    (Schuller, Steidl and Batliner 2009, "The INTERSPEECH 2009 Emotion Challenge").

    Args:
        counts: confusion matrices (..., C true, C predicted).

    >>> float(accuracy(np.array([[3, 0], [1, 0]])))
    0.75
    """
    return divide(_right(counts).sum(-1), counts.sum((-2, -1)))


def unweighted_average_recall(counts: Values) -> Values:
    """Return the mean recall of the classes that occur in truth, in 0..1 (`benchmarks.statistics.metrics`).

    Args:
        counts: confusion matrices (..., C true, C predicted).

    >>> float(unweighted_average_recall(np.array([[3, 0], [1, 0]])))
    0.5
    """
    true = counts.sum(-1)
    return divide(divide(_right(counts), true).sum(-1), (true > 0).sum(-1))


def macro_f1(counts: Values) -> Values:
    """Return the mean over the classes in truth of 2 TP / (2 TP + FP + FN), in 0..1.

    The mean of F1 scores, not the F1 score of means (Opitz and Burst 2019, "Macro F1 and Macro F1"). A class without
    true utterances is left out of the mean, as in the unweighted average recall. scikit-learn's
    `f1_score(average="macro")` counts such a class as 0 unless `labels` leaves it out.

    Args:
        counts: confusion matrices (..., C true, C predicted).

    >>> round(float(macro_f1(np.array([[3, 0], [1, 0]]))), 4)
    0.4286
    """
    true = counts.sum(-1)
    return divide(_f1(counts).sum(-1), (true > 0).sum(-1))  # F1 of a class without true utterances is 0


def weighted_f1(counts: Values) -> Values:
    """Return the mean of 2 TP / (2 TP + FP + FN), each class weighted by its true utterances, in 0..1.

    The metric of most papers on emotion in conversations (Majumder et al. 2019, "DialogueRNN").

    Args:
        counts: confusion matrices (..., C true, C predicted).

    >>> round(float(weighted_f1(np.array([[3, 0], [1, 0]]))), 4)
    0.6429
    """
    true = counts.sum(-1)
    return divide((_f1(counts) * true).sum(-1), true.sum(-1))


COUNT_METRICS: dict[str, Callable[[Values], Values]] = {
    metric.__name__: metric for metric in (accuracy, unweighted_average_recall, macro_f1, weighted_f1)
}


def check_metric(metric: str) -> None:
    """Check that systems can be ranked by a metric.

    Raises:
        UnknownName: it is no metric of classes; those of probabilities show calibration, and lower is better.
    """
    check_known(metric, COUNT_METRICS, what=f"metric {metric!r} to rank systems by")


def score(truth: Labels, prediction: Labels, metric: str) -> float:
    """Compute one metric of classes, in 0..1.

    Args:
        truth: (N,) true classes.
        prediction: (N,) predicted classes.
        metric: its full name.

    >>> round(score(["a", "a", "a", "b"], ["a", "a", "a", "a"], "weighted_f1"), 4)
    0.6429
    """
    if metric == METRIC:
        return metrics.unweighted_average_recall(truth, prediction)
    return float(COUNT_METRICS[metric](confusion_matrix(truth, prediction).astype(np.float64)))


def metrics_from_sums(sums: Values, classes: int) -> dict[str, Values]:
    """Return every metric by name.

    Args:
        sums: (..., S) sums of the rows of `Answers.rows`.
        classes: C, the number of classes.
    """
    tables, scores = sums[..., : classes**2], sums[..., classes**2 :]
    counts = tables.reshape(*sums.shape[:-1], classes, classes)
    found = {name: metric(counts) for name, metric in COUNT_METRICS.items()}
    if scores.shape[-1]:
        n = counts.sum((-2, -1))
        gaps = np.abs(scores[..., 2 : 2 + BINS] - scores[..., 2 + BINS :]).sum(-1)
        totals = zip(PROBABILITY_METRICS, (scores[..., 0], scores[..., 1], gaps), strict=True)
        found |= {name: divide(total, n) for name, total in totals}
    return found


def divide(numerator: Values, denominator: Values) -> Values:
    """Return the quotient, 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=np.asarray(denominator) > 0)


def _right(counts: Values) -> Values:
    return np.diagonal(counts, axis1=-2, axis2=-1)  # (..., C)


def _f1(counts: Values) -> Values:
    return divide(2 * _right(counts), counts.sum(-1) + counts.sum(-2))  # the denominator is 2 TP + FP + FN

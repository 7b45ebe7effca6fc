"""Compute metrics of predicted values (valence, activation, dominance), of one evaluation or of many resamples at once.

They are made of sums over utterances, so that resamples of speakers need the sums of each speaker alone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.bootstrap import Values
from benchmarks.statistics.count_metrics import divide
from featurestore.known_names import check_known

CONCORDANCE, PEARSON, ERROR = "concordance_correlation", "pearson_correlation", "root_mean_square_error"
TARGET_METRICS = (CONCORDANCE, PEARSON, ERROR)
MEAN_CONCORDANCE = f"mean_{CONCORDANCE}"  # systems are ranked and compared by it, unless another is chosen
_SUMS = 6  # of each target
_NOISE = 1e-12  # of adding floats: a variance below this share of the mean square is 0


def name_target_metric(target: str, metric: str) -> str:
    """Name a metric of one target.

    >>> name_target_metric("valence", CONCORDANCE)
    'valence_concordance_correlation'
    """
    return f"{target}_{metric}"


def list_headline_metrics(targets: Sequence[str]) -> list[str]:
    """List the metrics that systems can be ranked by: those that are higher for better predictions."""
    names = [name_target_metric(target, metric) for metric in (CONCORDANCE, PEARSON) for target in targets]
    return [MEAN_CONCORDANCE, *names]


def check_value_metric(metric: str, targets: Sequence[str]) -> None:
    """Check that systems can be ranked by a metric of values.

    Raises:
        UnknownName: it is none of these targets, or lower is better.
    """
    check_known(metric, list_headline_metrics(targets), what=f"metric {metric!r} to rank predicted values by")


def find_value_limits(metric: str) -> tuple[float, float]:
    """Return the least and the greatest possible value of a metric of values.

    >>> find_value_limits("valence_pearson_correlation"), find_value_limits("valence_root_mean_square_error")
    ((-1.0, 1.0), (0.0, inf))
    """
    return (0.0, np.inf) if metric.endswith(ERROR) else (-1.0, 1.0)


def concordance_correlation(covariance: Values, square_error: Values) -> Values:
    """Return the concordance correlation coefficient, in -1..1.

    2 s_xy / (s_x^2 + s_y^2 + (mean x - mean y)^2), where the moments divide by N (Lin 1989, "A Concordance Correlation
    Coefficient to Evaluate Reproducibility"). The mean square error is s_x^2 + s_y^2 - 2 s_xy + (mean x - mean y)^2, so
    the denominator is 2 s_xy + the mean square error: perfect predictions give exactly 1. Predictions of another scale
    or another mean lower the coefficient, and constant ones give 0. It is 0 too where prediction and truth are both
    constant and equal, which the formula leaves undefined: nothing was told apart.

    Args:
        covariance: s_xy of truth and prediction.
        square_error: mean square error.

    >>> float(concordance_correlation(np.array(2.0), np.array(0.0)))
    1.0
    """
    return divide(2 * covariance, 2 * covariance + square_error)


def pearson_correlation(covariance: Values, truth: Values, prediction: Values) -> Values:
    """Return Pearson's correlation, s_xy / (s_x s_y), in -1..1, and 0 where truth or prediction is constant.

    Pearson 1896, "Mathematical Contributions to the Theory of Evolution III". Scale and mean of the predictions do not
    change it.

    Args:
        covariance: s_xy of truth and prediction.
        truth: variance of the truth.
        prediction: variance of the predictions.
    """
    return np.clip(divide(covariance, np.sqrt(truth * prediction)), -1, 1)


def sum_value_moments(truth: Values, prediction: Values, unit: NDArray[np.intp]) -> Values:
    """Sum what the metrics are made of by unit: (U, 1 + 6 T), the number of utterances first.

    Of each target: the values, the predictions, their squares, their product and the squared error. The first row is
    subtracted of both, which keeps digits, and makes the sums of a constant exactly 0.

    Args:
        truth: (N, T).
        prediction: (N, T).
        unit: (N,) number of each utterance's unit.
    """
    x, y = truth - truth[:1], prediction - prediction[:1]
    moments = np.stack([x, y, x * x, y * y, x * y, (truth - prediction) ** 2], axis=2)  # (N, T, 6)
    columns = [np.ones(len(unit)), *moments.reshape(len(unit), -1).T]
    return np.stack([np.bincount(unit, column) for column in columns], axis=1)


def value_metrics_from_sums(sums: Values, targets: Sequence[str]) -> dict[str, Values]:
    """Return every metric by name: the mean concordance correlation, then those of each target.

    Args:
        sums: (..., 1 + 6 T) as `sum_value_moments` sums them.
        targets: T names.
    """
    means = sums[..., 1:] / sums[..., :1]
    moments = np.moveaxis(means.reshape(*means.shape[:-1], len(targets), _SUMS), -1, 0)  # (6, ..., T)
    x, y, xx, yy, xy, square_error = moments
    truth, prediction = _variance(x, xx), _variance(y, yy)
    covariance = np.where((truth > 0) & (prediction > 0), xy - x * y, 0.0)
    figures = {
        CONCORDANCE: concordance_correlation(covariance, square_error),
        PEARSON: pearson_correlation(covariance, truth, prediction),
        ERROR: np.sqrt(square_error),
    }
    by_target = {
        name_target_metric(target, name): values[..., place]
        for place, target in enumerate(targets)
        for name, values in figures.items()
    }
    return {MEAN_CONCORDANCE: figures[CONCORDANCE].mean(-1), **by_target}


def _variance(mean: Values, mean_square: Values) -> Values:
    variance = mean_square - mean**2
    return np.where(variance > _NOISE * mean_square, variance, 0.0)

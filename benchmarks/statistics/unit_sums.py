"""Sum what the metrics are made of over the utterances of each unit of resampling."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.bootstrap import Values
from benchmarks.statistics.coded_labels import Codes
from benchmarks.statistics.matrix_store import SpilledMatrix
from benchmarks.statistics.metrics import BINS, Probabilities, brier_scores, log_losses, rate_confidences

_BLOCK = 65_536  # utterances at once, so that memory does not grow with their number


def sum_by_unit(
    truth: Codes,
    prediction: Codes,
    classes: int,
    probabilities: Probabilities | SpilledMatrix | None,
    unit: NDArray[np.intp],
) -> Values:
    """Sum each unit's confusion matrix, log losses, Brier scores, confidences and right answers by bin: (U, S).

    S is C^2, and 32 more with probabilities: `benchmarks.statistics.count_metrics.metrics_from_sums` reads them.

    Args:
        truth: (N,) index of the true class.
        prediction: (N,) index of the predicted class.
        classes: C.
        probabilities: (N, C); None where they are not measured.
        unit: (N,) number of each utterance's unit.
    """
    units = int(unit.max()) + 1
    total = np.zeros((units, classes**2 + (0 if probabilities is None else 2 + 2 * BINS)))
    for start in range(0, len(unit), _BLOCK):
        rows = slice(start, start + _BLOCK)
        cells = truth[rows].astype(np.intp) * classes + prediction[rows]
        columns = [_add_up(unit[rows], units, cells, classes**2)]
        if probabilities is not None:
            columns += _sum_scores(truth[rows], np.asarray(probabilities[rows]), unit[rows], units)
        total += np.concatenate(columns, axis=1)
    return total


def _sum_scores(codes: Codes, probabilities: Probabilities, unit: NDArray[np.intp], units: int) -> Iterator[Values]:
    for scores in (log_losses(codes, probabilities), brier_scores(codes, probabilities)):
        yield _add_up(unit, units, np.zeros(len(unit), np.intp), 1, scores)
    confidence, right, bins = rate_confidences(codes, probabilities)
    for values in (confidence, right):
        yield _add_up(unit, units, bins, BINS, values)


def _add_up(
    unit: NDArray[np.intp],
    units: int,
    column: NDArray[np.intp],
    columns: int,
    values: Values | None = None,
) -> Values:
    """Sum values, or ones, by unit and column: (units, columns)."""
    sums = np.bincount(unit * columns + column, values, minlength=units * columns)
    return sums.astype(np.float64, copy=False).reshape(units, columns)

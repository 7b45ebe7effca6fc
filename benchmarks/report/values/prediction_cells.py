"""Count predictions and residuals in cells: a figure of a million utterances is as small as one of a thousand."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.grid.value_results import ValueResults, ValueSystem
from benchmarks.report.analysis.system_types import SystemContent
from benchmarks.report.values.value_types import CellsContent, ErrorsContent, SystemPredictionsContent, TargetContent
from featurestore.manifest import keep_ids, map_column

BINS = 24
LARGEST = 30  # errors that are listed
_GROUPS = 10  # of the trend

Column = NDArray[np.float64]


def describe_predictions(system: ValueSystem) -> SystemPredictionsContent:
    """Count the predictions of a system's first seed in cells, by target."""
    answers = system.pooled[0]
    return {
        "targets": {
            target: _describe_target(answers.truth[:, place], answers.prediction[:, place])
            for place, target in enumerate(answers.targets)
        }
    }


def list_largest_errors(results: ValueResults, leaderboard: Sequence[SystemContent]) -> ErrorsContent:
    """List the largest errors of the best system, at most 30.

    The best system is the first of the leaderboard without a leak and no baseline, where there is one. Errors of
    targets on different scales are compared by the standard deviation of the target.
    """
    name = next((row["system"] for row in leaderboard if not row["leak"] and not is_baseline(row["head"])), "")
    name = name or leaderboard[0]["system"]
    (system,) = (one for one in results.systems if one.name == name)
    truth, targets = system.pooled[0].truth, system.pooled[0].targets
    prediction = np.mean([answers.prediction for answers in system.pooled], axis=0)
    spread = truth.std(0)
    deviations = np.abs(prediction - truth) / np.where(spread > 0, spread, 1.0)  # (N, T)
    largest = np.argsort(-deviations, axis=None, kind="stable")[:LARGEST]
    places = [divmod(int(one), len(targets)) for one in largest]
    ids = [results.ids[row] for row, _ in places]
    texts = map_column(keep_ids(results.utterances, set(ids)), "text")
    return {
        "system": name,
        "rows": [
            {
                "id": utterance_id,
                "text": texts[utterance_id],
                "target": targets[place],
                "truth": float(truth[row, place]),
                "prediction": float(prediction[row, place]),
                "deviations": float(deviations[row, place]),
            }
            for utterance_id, (row, place) in zip(ids, places, strict=True)
        ],
    }


def _describe_target(truth: Column, prediction: Column) -> TargetContent:
    residual = prediction - truth
    both = _find_ends(np.concatenate([truth, prediction]))
    return {
        "truth_mean": float(truth.mean()),
        "truth_sd": float(truth.std()),
        "prediction_mean": float(prediction.mean()),
        "prediction_sd": float(prediction.std()),
        "scatter": _count_cells(truth, prediction, both, both),
        "residual": _count_cells(prediction, residual, _find_ends(prediction), _find_ends(residual)),
        "trend": _follow_trend(prediction, residual),
    }


def _find_ends(values: Column) -> list[float]:
    """Return the ends of an axis, half a unit around values that are all the same."""
    low, high = float(values.min()), float(values.max())
    return [low, high] if high > low else [low - 0.5, high + 0.5]


def _count_cells(x: Column, y: Column, ends_x: list[float], ends_y: list[float]) -> CellsContent:
    counts, _, _ = np.histogram2d(x, y, BINS, [ends_x, ends_y])
    columns, rows = np.nonzero(counts)
    cells = zip(columns.tolist(), rows.tolist(), counts[columns, rows].astype(int).tolist(), strict=True)
    return {"x": ends_x, "y": ends_y, "bins": BINS, "counts": [list(cell) for cell in cells]}


def _follow_trend(prediction: Column, residual: Column) -> list[list[float]]:
    order = np.argsort(prediction, kind="stable")
    groups = [rows for rows in np.array_split(order, min(_GROUPS, len(order))) if len(rows)]
    return [[float(prediction[rows].mean()), float(residual[rows].mean())] for rows in groups]

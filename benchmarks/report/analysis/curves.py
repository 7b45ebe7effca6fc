"""Learning curves: along the epochs of a network's training, and over the size of the training part."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.grid.results import Results
from benchmarks.statistics.metrics import METRIC

SHOWN = ("accuracy", METRIC)


def epochs(results: Results) -> list[dict[str, Any]]:
    """Each system's curves along training: of each epoch the mean, least and greatest value over folds and seeds."""
    return [
        {"system": system.name, "head": system.card.head, "runs": len(system.runs), "curves": curves}
        for system in results.systems
        if (curves := _curves([run.card.history for run in system.runs if run.card.history]))
    ]


def sizes(results: Results, summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The curve over the share of the training part that was fitted on, of each system that was run on several."""
    rows = {row["system"]: row for row in summary["leaderboard"]}
    smaller: dict[str, list[Mapping[str, Any]]] = {}
    for row in summary["controls"]:
        if row["share"] < 1 and not row["shuffled"]:
            smaller.setdefault(row["system"], []).append(row)
    train = {system.name: float(np.mean([run.card.fitted_on for run in system.runs])) for system in results.systems}
    return [
        {
            "system": name,
            "head": rows[name]["head"],
            "points": [
                *(
                    _point(row["share"], row["train"], row)
                    for row in sorted(found, key=lambda row: float(row["share"]))
                ),
                _point(1.0, train[name], rows[name]),
            ],
        }
        for name, found in smaller.items()
    ]


def _curves(histories: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, dict[str, list[float]]]:
    names = dict.fromkeys(name for history in histories for name in history)
    return {name: _spread([history[name] for history in histories if history.get(name)]) for name in names}


def _spread(curves: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """Over the runs that got as far as each epoch."""
    longest = max(map(len, curves))
    by_epoch = [[curve[epoch] for curve in curves if epoch < len(curve)] for epoch in range(longest)]
    reduced = (("mean", np.mean), ("low", np.min), ("high", np.max))
    return {name: [float(reduce(values)) for values in by_epoch] for name, reduce in reduced}


def _point(share: float, train: float, row: Mapping[str, Any]) -> dict[str, Any]:
    figures = {name: {end: row["metrics"][name][end] for end in ("value", "low", "high")} for name in SHOWN}
    return {"share": share, "train": train, **figures}

"""Collect learning curves: over the epochs of training, and over train sizes."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from benchmarks.grid.value_results import AnyResults
from benchmarks.report.analysis.content_types import BenchmarkContent
from benchmarks.report.analysis.section_types import CurveContent, EpochsContent, SizeContent, SizesContent
from benchmarks.report.analysis.system_types import ControlContent, IntervalContent, SystemContent
from benchmarks.statistics.metrics import METRIC


def collect_epoch_curves(results: AnyResults) -> list[EpochsContent]:
    """Return each system's training curves: the mean, least and greatest value over folds and seeds, by epoch."""
    return [
        {"system": system.name, "head": system.record.head, "runs": len(system.runs), "curves": curves}
        for system in results.systems
        if (curves := _curves([run.record.history for run in system.runs if run.record.history]))
    ]


def collect_train_size_curves(results: AnyResults, summary: BenchmarkContent) -> list[SizesContent]:
    """Return the learning curve of each system that was run on several train sizes."""
    metrics = (results.metric,) if results.targets else tuple(dict.fromkeys(("accuracy", METRIC, results.metric)))
    rows = {row["system"]: row for row in summary["leaderboard"]}
    smaller: dict[str, list[ControlContent]] = {}
    for row in summary["controls"]:
        if row["share"] < 1 and not row["shuffled"]:
            smaller.setdefault(row["system"], []).append(row)
    train = {system.name: float(np.mean([run.record.fitted_on for run in system.runs])) for system in results.systems}
    return [
        {
            "system": name,
            "head": rows[name]["head"],
            "points": [
                *(
                    _point(row["share"], row["train"], row, metrics)
                    for row in sorted(found, key=lambda row: row["share"])
                ),
                _point(1.0, train[name], rows[name], metrics),
            ],
        }
        for name, found in smaller.items()
    ]


def select_interval(row: SystemContent | ControlContent, metric: str) -> IntervalContent:
    """Return value, low and high of a metric that has an interval."""
    found = row["metrics"][metric]
    return cast(IntervalContent, {name: found[name] for name in ("value", "low", "high")})


def _curves(histories: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, CurveContent]:
    names = dict.fromkeys(name for history in histories for name in history)
    return {name: _spread([history[name] for history in histories if history.get(name)]) for name in names}


def _spread(curves: Sequence[Sequence[float]]) -> CurveContent:
    """Return mean, least and greatest value by epoch, over the runs that reached it."""
    longest = max(map(len, curves))
    by_epoch = [[curve[epoch] for curve in curves if epoch < len(curve)] for epoch in range(longest)]
    return {
        "mean": [float(np.mean(values)) for values in by_epoch],
        "low": [float(np.min(values)) for values in by_epoch],
        "high": [float(np.max(values)) for values in by_epoch],
    }


def _point(share: float, train: float, row: SystemContent | ControlContent, metrics: Sequence[str]) -> SizeContent:
    figures = {name: select_interval(row, name) for name in metrics}
    return cast(SizeContent, {"share": share, "train": train, **figures})

"""Learning curves: along the epochs of a network's training, and over the size of the training part."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.runs.results import Results, System
from benchmarks.statistics.intervals import estimates
from benchmarks.statistics.pairs import METRIC

SHOWN = ("accuracy", METRIC)


def epochs(results: Results) -> list[dict[str, Any]]:
    """Each system's curves along training: of each epoch the mean, least and greatest value over folds and seeds."""
    return [
        {"system": system.name, "head": system.card.head, "runs": len(system.runs), "curves": curves}
        for system in results.systems
        if (curves := _curves([run.card.history for run in system.runs if run.card.history]))
    ]


def sizes(results: Results) -> list[dict[str, Any]]:
    """The curve over the share of the training part that was fitted on, of each system that was run on several."""
    smaller = [system for system in results.controls if system.card.share < 1 and not system.card.shuffled]
    names = results.clusters.named(results.ids)
    curves: dict[tuple[str, ...], list[System]] = {}
    for system in smaller:
        curves.setdefault(_key(system), []).append(system)
    for system in results.systems:
        if _key(system) in curves:
            curves[_key(system)].append(system)
    return [
        {
            "system": max(found, key=lambda one: one.card.share).name,
            "head": found[0].card.head,
            "feature_set": found[0].card.feature_set,
            "points": [_point(one, names) for one in sorted(found, key=lambda one: one.card.share)],
        }
        for found in curves.values()
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


def _key(system: System) -> tuple[str, ...]:
    card = system.card
    return card.head, card.feature_set, card.normalize, card.logits


def _point(system: System, clusters: Sequence[str] | None) -> dict[str, Any]:
    found = estimates(system.pooled, clusters=clusters)
    train = float(np.mean([run.card.train for run in system.runs]))
    return {"share": system.card.share, "train": train, **{name: asdict(found[name]) for name in SHOWN}}

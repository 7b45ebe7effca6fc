"""What controls show: the figures of a system that learned from less, or whose text or audio rows were permuted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.grid.results import Results, System
from benchmarks.report.render.table import markdown
from benchmarks.statistics.formatting import format_interval, format_points
from benchmarks.statistics.intervals import estimates

_SHOWN = ("accuracy", "unweighted_average_recall")


def rows(results: Results, clusters: Sequence[str] | None) -> list[dict[str, Any]]:
    """Each control's figures with intervals, and by metric `minus_system`: what it has more than its system.

    Args:
        results: the benchmark.
        clusters: of each tested utterance, what the intervals resample.
    """
    systems = {system.name: system for system in results.systems}
    return [_row(control, systems[control.card.system], clusters) for control in results.controls]


def section(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same in Markdown; nothing where there are no controls."""
    if not found:
        return []
    header = ["control", "fitted on", *(f"{name.replace('_', ' ')} %" for name in _SHOWN), "minus its system, points"]
    return [
        "## Controls",
        "",
        *markdown(header, [_cells(row) for row in found]),
        "",
        *(line for note in _notes(found) for line in (note, "")),
    ]


def _row(control: System, system: System, clusters: Sequence[str] | None) -> dict[str, Any]:
    card, shared = control.card, set(control.seeds) & set(system.seeds)
    found, base = estimates(control.pooled, clusters=clusters), _means(system, shared)
    mark = {"leaked": True} if control.leak else {}
    own = _means(control, shared)
    return {
        "control": control.name,
        "system": system.name,
        "head": card.head,
        "feature_set": card.feature_set,
        "share": card.share,
        "shuffled": card.shuffled,
        "seeds": control.seeds,
        "train": float(np.mean([run.card.fitted_on for run in control.runs])),
        "leak": control.leak,
        "metrics": {name: asdict(one) | {"minus_system": own[name] - base[name]} | mark for name, one in found.items()},
    }


def _means(system: System, seeds: set[int]) -> dict[str, float]:
    """Each metric, the mean over the seeds that both have."""
    values = [one.values() for seed, one in zip(system.seeds, system.pooled, strict=True) if seed in seeds]
    return {name: float(np.mean([one[name] for one in values])) for name in values[0]}


def _cells(row: Mapping[str, Any]) -> list[str]:
    mark, shown = "!" if row["leak"] else "", [row["metrics"][name] for name in _SHOWN]
    return [
        row["control"],
        f"{row['train']:.0f}",
        *(format_interval(one["value"], one["low"], one["high"], mark) for one in shown),
        f"{format_points(row['metrics'][_SHOWN[1]]['minus_system'])}{mark}",
    ]


def _notes(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "No systems: they are in no other table. The last column is of unweighted average recall, over common seeds."
    if any(row["shuffled"] for row in found):
        yield (
            "Shuffled: the fitted head is asked about test utterances with the text, or the voice, of another one "
            "(Breiman 2001). What is lost is how much its answers rest on that modality, not how much the modality "
            "could tell: compare the feature sets text and audio for that."
        )
    if any(row["share"] < 1 for row in found):
        yield (
            "Of training: the head is fitted on that share of each class, at least two, of every fold's training part; "
            "a smaller share lies within a larger one."
        )

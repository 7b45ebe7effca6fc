"""Measure what systems lose when a modality is missing in test: a curve over the share of utterances without it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

from benchmarks.grid.results import Results
from benchmarks.grid.system import System
from benchmarks.report.analysis.control_rows import measure_control
from benchmarks.report.analysis.result_curves import select_interval
from benchmarks.report.analysis.section_types import MissingContent, MissingCurveContent, MissingPointContent
from benchmarks.report.analysis.system_types import SystemContent
from benchmarks.statistics.metrics import METRIC


def measure_missing(
    results: Results, leaderboard: Sequence[SystemContent], clusters: Sequence[str] | None
) -> MissingContent:
    """Return the policies of a benchmark, the utterances that lack a modality, and the curve of each system.

    Args:
        results: of a benchmark that keeps utterances which lack a modality.
        leaderboard: its systems.
        clusters: (N,) the cluster of each test utterance.
    """
    about = results.about["missing"]
    rows = {row["system"]: row for row in leaderboard}
    systems = {system.name: system for system in results.systems}
    curves: dict[tuple[str, str], list[System]] = {}
    for one in results.hidden:
        curves.setdefault((one.record.system, one.record.hidden), []).append(one)
    order = [row["system"] for row in leaderboard]
    return {
        "modes": list(about["modes"]),
        "dropout": about["dropout"],
        "lacking": {modality: len(found) for modality, found in about["lacking"].items()},
        "curves": [
            _draw_curve(systems[name], modality, curves[name, modality], rows[name], results.metric, clusters)
            for name, modality in sorted(curves, key=lambda key: order.index(key[0]))
        ],
    }


def _draw_curve(
    system: System,
    modality: str,
    found: Sequence[System],
    row: SystemContent,
    metric: str,
    clusters: Sequence[str] | None,
) -> MissingCurveContent:
    names = dict.fromkeys(("accuracy", METRIC, metric))
    points = [_make_point(system, 0.0, {name: select_interval(row, name) for name in names})]
    for one in sorted(found, key=lambda one: one.record.hidden_share):
        measured = measure_control(one, system, clusters)
        figures = {name: {end: measured[name][end] for end in ("value", "low", "high")} for name in names}
        points.append(_make_point(one, one.record.hidden_share, figures))
    return {
        "system": system.name,
        "head": system.record.head,
        "feature_set": system.record.feature_set,
        "modality": modality,  # type: ignore[typeddict-item]
        "points": points,
    }


def _make_point(system: System, share: float, figures: Mapping[str, object]) -> MissingPointContent:
    """Make a point of a curve, with the utterances of the first seed's runs counted."""
    counts: Counter[str] = Counter()
    for run in system.runs:
        if run.record.seed == system.seeds[0]:
            counts.update(run.record.lacking)
    return cast(MissingPointContent, {"share": share, "lacking": dict(sorted(counts.items())), **figures})

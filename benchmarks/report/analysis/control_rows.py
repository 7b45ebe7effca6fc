"""Measure the controls: systems with a smaller train size, or with text or audio permuted in test."""

from collections.abc import Collection, Sequence

import numpy as np

from benchmarks.grid.value_results import AnyResults, AnySystem
from benchmarks.report.analysis.seeds import select_answers
from benchmarks.report.analysis.system_types import ControlContent, ControlMetricContent
from benchmarks.statistics.intervals import estimate_metrics


def measure_controls(results: AnyResults, clusters: Sequence[str] | None) -> list[ControlContent]:
    """Return each control's metrics with intervals, and their difference from its system (`minus_system`).

    Args:
        results: the benchmark.
        clusters: (N,) the cluster of each test utterance.
    """
    systems: dict[str, AnySystem] = {system.name: system for system in results.systems}
    return [_row(control, systems[control.record.system], clusters) for control in results.controls]


def measure_control(
    control: AnySystem, system: AnySystem, clusters: Sequence[str] | None
) -> dict[str, ControlMetricContent]:
    """Return each metric of a control with its interval, and its difference from the system over common seeds.

    Args:
        control: may have other test utterances than the system.
        system: that it is compared with.
        clusters: (N,) the cluster of each of the control's test utterances.
    """
    shared = set(control.seeds) & set(system.seeds)
    own, base = _means(control, shared), _means(system, shared)
    metrics: dict[str, ControlMetricContent] = {}
    for name, one in estimate_metrics(control.pooled, clusters=clusters).items():
        metrics[name] = {
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "n": one.n,
            "minus_system": own[name] - base[name],
        }
        if control.leak:
            metrics[name]["leaked"] = True
    return metrics


def _row(control: AnySystem, system: AnySystem, clusters: Sequence[str] | None) -> ControlContent:
    record = control.record
    return {
        "control": control.name,
        "system": system.name,
        "head": record.head,
        "feature_set": record.feature_set,
        "share": record.train_size,
        "shuffled": record.permuted,  # type: ignore[typeddict-item]
        "seeds": control.seeds,
        "train": float(np.mean([run.record.fitted_on for run in control.runs])),
        "leak": control.leak,
        "metrics": measure_control(control, system, clusters),
    }


def _means(system: AnySystem, seeds: Collection[int]) -> dict[str, float]:
    """Return each metric, the mean over some seeds."""
    values = [answers.values() for answers in select_answers(system, seeds)]
    return {name: float(np.mean([one[name] for one in values])) for name in values[0]}

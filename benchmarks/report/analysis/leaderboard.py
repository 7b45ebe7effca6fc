"""Build the rows of the leaderboard: metrics with intervals, costs and settings of each system."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

import numpy as np

from benchmarks.evaluation.exposure_notes import note_exposures
from benchmarks.grid.value_results import AnyResults, AnySystem, ValueSystem
from benchmarks.report.analysis.system_types import (
    ClassContent,
    MetricContent,
    PairContent,
    SettingsContent,
    SystemContent,
)
from benchmarks.statistics.class_metrics import estimate_class_metrics
from benchmarks.statistics.intervals import estimate_metrics
from benchmarks.statistics.multiple_comparisons import compact_letter_display
from benchmarks.statistics.paired_comparisons import compare_pairs, significant_pairs


def rank_systems(results: AnyResults, clusters: Sequence[str] | None) -> tuple[list[SystemContent], list[PairContent]]:
    """Return the systems, the best by the headline metric first, and their paired differences in it.

    Args:
        results: the benchmark.
        clusters: (N,) the cluster of each test utterance.
    """
    made = {name: one["made"] for name, one in results.about["encoders"].items()}
    rows = [_row(system, clusters, made) for system in results.systems]
    rows.sort(key=lambda row: (-row["metrics"][results.metric]["value"], row["system"]))
    answers = {system.name: system.pooled for system in results.systems}
    pairs = compare_pairs(answers, clusters=clusters, metric=results.metric)
    letters = compact_letter_display([row["system"] for row in rows], significant_pairs(pairs))
    for row in rows:
        row["group"] = letters[row["system"]]
    return rows, [cast(PairContent, asdict(pair)) for pair in pairs]


def _row(system: AnySystem, clusters: Sequence[str] | None, encoders: Mapping[str, Mapping[str, Any]]) -> SystemContent:
    record, runs = system.record, system.runs
    row: SystemContent = {
        "system": system.name,
        "head": record.head,
        "feature_set": record.feature_set,
        "features": list(record.features),
        "normalize": record.normalize,
        "logits": record.logits,
        "seeds": system.seeds,
        "leak": system.leak,
        "metrics": _metrics(system, clusters),
        "per_class": _per_class(system, clusters),
        "fit_seconds": float(np.mean([run.record.seconds["fit"] for run in runs])),
        "tune_seconds": float(np.mean([run.record.seconds["tune"] for run in runs])),
        "predict_microseconds": 1e6
        * sum(run.record.seconds["predict"] for run in runs)
        / sum(run.record.test for run in runs),
        "bundle_bytes": max(run.record.bundle_bytes for run in runs),
        "peak_mb": max(run.record.peak_mb for run in runs),
        "settings": _settings(system),
        "group": "",
    }
    if record.context:
        row["context"] = record.context  # type: ignore[typeddict-item]
    if record.train_on:
        row["train_on"] = record.train_on  # type: ignore[typeddict-item]
    if record.missing:
        row["missing"] = record.missing  # type: ignore[typeddict-item]
    if system.equals:
        row["equals"] = list(system.equals)
    if exposure := note_exposures(encoders, record.features):
        row["exposure"] = "; ".join(exposure)
    return row


def _metrics(system: AnySystem, clusters: Sequence[str] | None) -> dict[str, MetricContent]:
    by_fold, by_seed = _by_fold(system), [answers.values() for answers in system.pooled]
    found: dict[str, MetricContent] = {}
    for name, one in estimate_metrics(system.pooled, clusters=clusters).items():
        found[name] = {
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "n": one.n,
            "mean_of_folds": float(np.mean(by_fold[name])),
            "sd_of_folds": _standard_deviation(by_fold[name]),
            "sd_of_seeds": _standard_deviation([values[name] for values in by_seed]),
        }
        if system.leak:
            found[name]["leaked"] = True
    return found


def _by_fold(system: AnySystem) -> dict[str, list[float]]:
    """Return each metric by fold, the mean over seeds."""
    names = dict.fromkeys(run.record.fold for run in system.runs)
    values = {name: [run.answers.values() for run in system.runs if run.record.fold == name] for name in names}
    metrics = next(iter(values.values()))[0]
    return {metric: [float(np.mean([one[metric] for one in found])) for found in values.values()] for metric in metrics}


def _per_class(system: AnySystem, clusters: Sequence[str] | None) -> dict[str, ClassContent]:
    """Return the metrics of each class with the ends of their intervals, the mean over seeds, or none for values."""
    if isinstance(system, ValueSystem):
        return {}
    found: dict[str, ClassContent] = {}
    for name, figures in estimate_class_metrics(system.pooled, clusters=clusters).items():
        values = {metric: one.value for metric, one in figures.items()}
        low, high = ({metric: getattr(one, end) for metric, one in figures.items()} for end in ("low", "high"))
        n = float(figures["recall"].n)
        found[name] = ClassContent(**values, n=n, low=low, high=high)  # type: ignore[typeddict-item]
        if system.leak:
            found[name]["leaked"] = True
    return found


def _settings(system: AnySystem) -> list[SettingsContent]:
    """Return the settings that were used, each once, without the seed, with the folds and seeds that used them."""
    used: dict[str, SettingsContent] = {}
    for run in system.runs:
        params: dict[str, Any] = {name: value for name, value in run.record.params.items() if name != "random_state"}
        entry = used.setdefault(repr(params), {"params": params, "runs": []})
        entry["runs"].append(f"{run.record.fold}/{run.record.seed}")
    return list(used.values())


def _standard_deviation(values: Sequence[float]) -> float | None:
    """Return the standard deviation, or None for a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None

"""Measure what protocol flaws are worth: systems by flawed protocols, and with the epoch chosen on test."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.grid.results import Results
from benchmarks.grid.system import System
from benchmarks.report.analysis.control_rows import measure_control
from benchmarks.report.analysis.seeds import select_answers
from benchmarks.report.analysis.system_types import FlawContent, FlawDifferenceContent, FlawsContent, SharedContent
from benchmarks.statistics.clusters import choose_clusters
from benchmarks.statistics.paired_comparisons import compare_pairs
from featurestore.folds.fold import Fold
from featurestore.manifest import keep_ids, map_column


def measure_flaws(results: Results, order: Sequence[str]) -> FlawsContent:
    """Return the figures of each system under each flaw, and their difference from its own (`minus_system`).

    The intervals resample the clusters of the flaw's own test utterances, which may be others than the benchmark's.
    `minus_system` compares the figures of both as they are, and `difference` those of the common test utterances: other
    utterances may be harder, which is not the flaw.

    Args:
        results: of a benchmark that measures flaws.
        order: the names of the systems, in the order of the rows.
    """
    systems = {system.name: system for system in results.systems}
    controls = sorted(results.flaws, key=lambda control: order.index(control.record.system))
    return {
        "honest": {
            "protocol": results.about["protocol"],
            "speakers": _count_shared(results, results.folds, "speaker"),
            "dialogues": _count_shared(results, results.folds, "dialogue"),
        },
        "rows": [_row(results, control, systems[control.record.system]) for control in controls],
        "left_out": list(results.about["flaws"]["left_out"]),
    }


def _row(results: Results, control: System, system: System) -> FlawContent:
    record = control.record
    folds = results.flaw_folds.get(record.flaw, results.folds)
    ids = sorted(utterance_id for fold in folds for utterance_id in fold.test)
    tested = set(ids)
    clusters = choose_clusters(keep_ids(results.utterances, tested))
    row: FlawContent = {
        "control": control.name,
        "system": system.name,
        "head": record.head,
        "feature_set": record.feature_set,
        "flaw": record.flaw,  # type: ignore[typeddict-item]
        "protocol": record.protocol,
        "folds": len(folds),
        "seeds": control.seeds,
        "n": len(ids),
        "over": clusters.over,
        "clusters": clusters.count,
        "few": clusters.few,
        "speakers": _count_shared(results, folds, "speaker"),
        "dialogues": _count_shared(results, folds, "dialogue"),
        "epochs": [run.record.epoch for run in control.runs if run.record.epoch],
        "leak": control.leak,
        "metrics": measure_control(control, system, clusters.for_ids(ids)),
    }
    common = sorted(tested.intersection(results.ids))
    if len(common) > 1:
        row["difference"] = _compare_on(results, (control, ids), (system, results.ids), common)
    return row


def _compare_on(
    results: Results, flawed: tuple[System, Sequence[str]], honest: tuple[System, Sequence[str]], common: Sequence[str]
) -> FlawDifferenceContent:
    """Compare two systems, each with the ids of its answers, on common test utterances: flawed minus honest."""
    chosen, seeds = set(common), set(flawed[0].seeds) & set(honest[0].seeds)
    answers = {}
    for name, (system, ids) in (("flawed", flawed), ("honest", honest)):
        rows = np.array([place for place, one in enumerate(ids) if one in chosen])
        answers[name] = [one.select(rows) for one in select_answers(system, seeds)]
    clusters = choose_clusters(keep_ids(results.utterances, chosen))
    (found,) = compare_pairs(answers, clusters=clusters.for_ids(common), metric=results.metric)
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": len(common),
        "p": found.p,
        "few": clusters.few,
    }


def _count_shared(results: Results, folds: Sequence[Fold], column: str) -> SharedContent:
    """Count the speakers or dialogues that are in test and in training, or dev, of one and the same fold."""
    names = map_column(results.utterances, column)
    tested, shared = set(), set()
    for fold in folds:
        in_test, in_training = (_collect(names, ids) for ids in (fold.test, (*fold.train, *fold.dev)))
        tested |= in_test
        shared |= in_test & in_training
    return {"shared": len(shared), "tested": len(tested)}


def _collect(names: Mapping[str, str], ids: Sequence[str]) -> set[str]:
    return {names[one] for one in ids if names[one]}

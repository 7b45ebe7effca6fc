"""Measure permutation importance: how much a head loses if the text or the audio of test is permuted."""

from dataclasses import asdict
from typing import cast

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.grid.value_results import AnyResults, AnySystem
from benchmarks.report.analysis.section_types import PermutationContent
from benchmarks.report.analysis.seeds import select_answers
from benchmarks.statistics.paired_comparisons import compare_pairs


def measure_permutation_importance(results: AnyResults) -> list[PermutationContent]:
    """Compare each system with itself after a modality was permuted in test: permuted minus unchanged.

    `value` is the difference in the headline metric over common seeds, with its paired interval and p-value, not
    corrected. It shows how much the head relies on that modality (Breiman 2001, "Random Forests"). Baseline heads are
    left out.
    """
    clusters = results.clusters.for_ids(results.ids)
    systems: dict[str, AnySystem] = {system.name: system for system in results.systems}
    found: list[PermutationContent] = []
    for control in results.controls:
        if control.record.permuted and not is_baseline(control.record.head):
            system = systems[control.record.system]
            seeds = set(control.seeds) & set(system.seeds)
            answers = {one.name: select_answers(one, seeds) for one in (control, system)}
            (difference,) = compare_pairs(answers, clusters=clusters, metric=results.metric)
            about = {"head": control.record.head, "feature_set": control.record.feature_set}
            about["shuffled"] = control.record.permuted
            found.append(cast(PermutationContent, about | asdict(difference)))
    return found

"""Heads that are no better than a constant prediction."""

from collections.abc import Sequence

from benchmarks.checks._check_result import (
    CheckResult,
    name_systems,
    report_failure,
    report_not_applicable,
    report_pass,
)
from benchmarks.checks._examples import Examples, build_evaluation
from benchmarks.evaluation.baselines import is_baseline
from benchmarks.evaluation.evaluation import EvaluatedSystem, Evaluation
from benchmarks.statistics.coded_labels import list_distinct_labels
from benchmarks.statistics.formatting import format_percent, name_metric
from benchmarks.statistics.intervals import Interval, estimate_metrics
from benchmarks.statistics.metrics import METRIC
from benchmarks.statistics.value_metrics import MEAN_CONCORDANCE

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where an interval of unweighted average recall reaches that of a constant prediction, 1 / test classes.

    Of predicted values, fail where an interval of the mean concordance correlation reaches 0, that of a constant.
    The check never passes where too few speakers are in test, since the interval then shows nothing.
    """
    systems = [system for system in evaluation.systems if not is_baseline(system.record.head)]
    if not systems or not evaluation.ids:
        return report_not_applicable("only baseline heads were run" if evaluation.ids else "test is empty")
    metric, floor, shown = _find_floor(evaluation, systems[0])
    worse = [system.name for system in systems if not _is_above(metric, floor, evaluation, system)]
    truth = "ratings" if evaluation.targets else "labels"
    if worse:
        return report_failure(
            f"{_count_systems(worse, systems)} not shown to be above {shown} ({name_systems(worse)})",
            meaning="a constant prediction reaches the same",
            do=f"check features and {truth}, or test more utterances and speakers",
        )
    if evaluation.clusters.few:
        return report_not_applicable(f"above {shown} in test, but {evaluation.clusters.few}")
    systems_are = f"all {len(systems)} systems are" if len(systems) > 1 else "the one system is"
    return report_pass(f"{systems_are} above {shown}, with the whole interval")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(),
        failed=build_evaluation(accuracy=0.5),
        not_applicable=build_evaluation(head="prior"),
    )


def _count_systems(worse: Sequence[str], systems: Sequence[EvaluatedSystem]) -> str:
    if len(systems) == 1:
        return "the one system is"
    return f"{len(worse)} of {len(systems)} systems {'is' if len(worse) == 1 else 'are'}"


def _find_floor(evaluation: Evaluation, system: EvaluatedSystem) -> tuple[str, float, str]:
    """Find the metric, what a constant prediction reaches, and how to write it."""
    truth = system.pooled[0].truth
    if evaluation.targets or not isinstance(truth, Sequence):
        return MEAN_CONCORDANCE, 0.0, f"a {name_metric(MEAN_CONCORDANCE)} of 0"
    floor = 1 / len(list_distinct_labels(truth))
    return METRIC, floor, f"{format_percent(floor)} %"


def _is_above(metric: str, floor: float, evaluation: Evaluation, system: EvaluatedSystem) -> bool:
    clusters = evaluation.clusters.for_ids(evaluation.ids)
    found = estimate_metrics(system.pooled, clusters=clusters)[metric]
    return isinstance(found, Interval) and found.low > floor

"""Too few test speakers to show a difference between systems."""

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.manifest import keep_ids, list_column

__all__ = ["check", "examples"]

_MEANING = "no test can show that figures hold for other speakers"
_DO = "test at least six speakers, if necessary over several folds"


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where fewer than six speakers are in test: even if they all agree, no difference is significant.

    Why six: `benchmarks.statistics.bootstrap.is_few`. Where most utterances name no speaker, dialogues are counted.
    """
    tested = set(evaluation.ids)
    speakers = set(list_column(keep_ids(evaluation.utterances, tested), "speaker"))
    if not any(speakers):
        return report_not_applicable("the manifest names no speakers")
    clusters = evaluation.clusters
    if len(speakers) == 1:
        return report_failure("all test utterances are of one speaker", meaning=_MEANING, do=_DO)
    if clusters.few:
        return report_failure(clusters.few, meaning=_MEANING, do=_DO)
    return report_pass(f"{clusters.count} {clusters.over} in test")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(speaker=lambda utterance_id: f"S{int(utterance_id[-3:]) % 6}"),
        failed=build_evaluation(speaker=lambda utterance_id: f"S{int(utterance_id[-3:]) % 2}"),
        not_applicable=build_evaluation(speaker=lambda utterance_id: ""),
    )

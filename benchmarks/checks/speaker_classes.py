"""Test speakers of one class, where features are normalized per speaker."""

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import CLASSES, Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.evaluation.guards import count_one_class_speakers
from featurestore.manifest import map_column
from featurestore.normalization import SPEAKER

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where features are normalized per speaker and a test speaker has one class: the mean is that of the class.

    Of predicted values, fail where features are normalized per speaker and a test speaker is in one quarter of them.
    What counts as one class: `benchmarks.evaluation.guards.DOMINANT`.
    """
    if not any(system.record.normalize == SPEAKER for system in evaluation.systems):
        return report_not_applicable("no features are normalized per speaker")
    speakers = map_column(evaluation.utterances, "speaker")
    classes, targets = evaluation.about["classes"], evaluation.targets
    found = count_one_class_speakers(evaluation.folds, classes, speakers, targets)
    if found.tested:
        return report_failure(
            str(found),
            meaning=f"normalization per speaker removes the {'value' if targets else 'class'} of these utterances",
            do="--normalize none or --normalize global",
        )
    return report_pass(f"each of {found.known} test speakers has several {'quarters' if targets else 'classes'}")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    by_class = CLASSES
    return Examples(
        passed=build_evaluation(normalize=SPEAKER),
        failed=build_evaluation(normalize=SPEAKER, speaker=lambda utterance_id: by_class[utterance_id]),
        not_applicable=build_evaluation(speaker=lambda utterance_id: by_class[utterance_id]),
    )

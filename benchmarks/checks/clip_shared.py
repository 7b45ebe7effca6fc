"""Clips of test utterances in training under another id."""

from collections.abc import Sequence

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import TEST, TRAIN, Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.fold import Fold

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where a test clip has the same samples as a training clip, in any container."""
    if "same_clips" not in evaluation.about:
        return report_not_applicable("this benchmark does not record which clips are the same: run it again")
    groups = evaluation.about["same_clips"]
    if groups is None:
        return report_not_applicable("no feature is of audio, or its file does not record the samples: extract again")
    tested = sum(len(fold.test) for fold in evaluation.folds)
    shared = [utterance_id for fold in evaluation.folds for utterance_id in _find_copies(fold, groups)]
    if shared:
        return report_failure(
            f"the clips of {len(shared)} of {tested} test utterances are in training under other ids, sample for "
            f"sample, for example {shared[0]}",
            meaning="figures are too high, since training has these clips",
            do="remove the copies from the corpus",
        )
    return report_pass(f"no clip of {tested} test utterances is in training under another id")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    (learned, other, *_), (tested, *_) = TRAIN, TEST
    return Examples(
        passed=build_evaluation(about={"same_clips": [[learned, other]]}),
        failed=build_evaluation(about={"same_clips": [[learned, tested]]}),
        not_applicable=build_evaluation(about={"same_clips": None}),
    )


def _find_copies(fold: Fold, groups: Sequence[Sequence[str]]) -> list[str]:
    learned, tested = {*fold.train, *fold.dev}, set(fold.test)
    copied = [utterance_id for group in groups if learned.intersection(group) for utterance_id in group]
    return [utterance_id for utterance_id in copied if utterance_id in tested]

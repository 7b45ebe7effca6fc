"""Test texts, or near copies of them, in training."""

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.text_copies import find_copies
from featurestore.manifest import map_column

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where a test text is in training: a head may recognize the words instead of the emotion.

    What counts as a near copy: `featurestore.folds.text_copies.match_copies`.
    """
    if not any(entry["modality"] == "text" for entry in evaluation.about["encoders"].values()):
        return report_not_applicable("no feature is of text")
    texts = map_column(evaluation.utterances, "text")
    if not any(texts.values()):
        return report_not_applicable("the manifest has no texts")
    tested = sum(len(fold.test) for fold in evaluation.folds)
    copied = sum(len(find_copies(fold.test, (*fold.train, *fold.dev), texts)) for fold in evaluation.folds)
    if copied:
        return report_failure(
            f"{copied} of {tested} test utterances have their text, or a near copy, in training",
            meaning="figures of text features are too high",
            do="--protocol script-disjoint shares no text",
        )
    return report_pass(f"no text of {tested} test utterances is in training, near copies included")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(),
        failed=build_evaluation(text=lambda utterance_id: "Oh."),
        not_applicable=build_evaluation(text=lambda utterance_id: ""),
    )

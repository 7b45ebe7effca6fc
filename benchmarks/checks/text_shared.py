"""Test texts, or near copies of them, in training."""

from collections.abc import Sequence
from random import Random

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.text_copies import find_copies

__all__ = ["check", "examples"]

MOST = 20_000  # test utterances of a fold that are compared with training


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where a test text is in training: a head may recognize the words instead of the emotion.

    What counts as a near copy: `featurestore.folds.text_copies.match_copies`. Of a fold with more than 20,000 test
    utterances 20,000 are drawn and compared with all of training.
    """
    if not any(entry["modality"] == "text" for entry in evaluation.about["encoders"].values()):
        return report_not_applicable("no feature is of text")
    texts = {row.id: row.text for row in evaluation.utterances}
    if not any(texts.values()):
        return report_not_applicable("the manifest has no texts")
    looked_at = [_draw(fold.test) for fold in evaluation.folds]
    tested = sum(map(len, looked_at))
    copied = sum(
        len(find_copies(ids, (*fold.train, *fold.dev), texts))
        for fold, ids in zip(evaluation.folds, looked_at, strict=True)
    )
    drawn = _tell_drawn(tested, sum(len(fold.test) for fold in evaluation.folds))
    if copied:
        return report_failure(
            f"{copied} of {tested} test utterances{drawn} have their text, or a near copy, in training",
            meaning="figures of text features are too high",
            do="--protocol script-disjoint shares no text",
        )
    return report_pass(f"no text of {tested} test utterances{drawn} is in training, near copies included")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(),
        failed=build_evaluation(text=lambda utterance_id: "Oh."),
        not_applicable=build_evaluation(text=lambda utterance_id: ""),
    )


def _draw(ids: Sequence[str]) -> Sequence[str]:
    """Return all test utterances, or as many as are compared, drawn at random."""
    return ids if len(ids) <= MOST else Random(0).sample(sorted(ids), MOST)


def _tell_drawn(looked_at: int, tested: int) -> str:
    return f", drawn from {tested}," if looked_at < tested else ""

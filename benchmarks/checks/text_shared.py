"""Test texts, or near copies of them, in training."""

from collections.abc import Sequence
from random import Random

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.text_copies import CopyFinder
from featurestore.manifest import map_column

__all__ = ["check", "examples"]

COMPARISONS = 400_000_000  # of a test text with a training text, over all folds
LEAST = 500  # test utterances of a fold that are compared in any case


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where a test text is in training: a head may recognize the words instead of the emotion.

    What counts as a near copy: `featurestore.folds.text_copies.match_copies`. Where test times training would be more
    than 400,000,000 comparisons over all folds, test utterances are drawn and compared with all of training.
    """
    if not any(entry["modality"] == "text" for entry in evaluation.about["encoders"].values()):
        return report_not_applicable("no feature is of text")
    texts = map_column(evaluation.utterances, "text")
    if not any(texts.values()):
        return report_not_applicable("the manifest has no texts")
    finder, share = CopyFinder(texts), COMPARISONS // len(evaluation.folds)
    trained = [(*fold.train, *fold.dev) for fold in evaluation.folds]
    looked_at = [_draw(fold.test, share // len(ids)) for fold, ids in zip(evaluation.folds, trained, strict=True)]
    tested = sum(map(len, looked_at))
    copied = sum(len(finder.find(ids, others)) for ids, others in zip(looked_at, trained, strict=True))
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


def _draw(ids: Sequence[str], most: int) -> Sequence[str]:
    """Return all test utterances, or as many as are compared, drawn at random."""
    most = max(most, LEAST)
    return ids if len(ids) <= most else Random(0).sample(sorted(ids), most)


def _tell_drawn(looked_at: int, tested: int) -> str:
    return f", drawn from {tested}," if looked_at < tested else ""

"""Utterances of one recording in training and in test."""

from collections import Counter
from collections.abc import Mapping

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import CLASSES, TEST, TRAIN, Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.fold import Fold
from featurestore.manifest import map_column

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where a test utterance is a segment of a training recording: the voice and the room are the same."""
    recordings = {one: name for one, name in map_column(evaluation.utterances, "audio").items() if name}
    if not any(count > 1 for count in Counter(recordings.values()).values()):
        return report_not_applicable("no recording has several utterances")
    tested = sum(len(fold.test) for fold in evaluation.folds)
    shared = [utterance_id for fold in evaluation.folds for utterance_id in _find_segments(fold, recordings)]
    if shared:
        return report_failure(
            f"{len(shared)} of {tested} test utterances are segments of training recordings, for example {shared[0]}",
            meaning="figures measure known voices and rooms and are too high",
            do="name speakers or dialogues in the manifest, and use a protocol that keeps them together",
        )
    return report_pass(f"no recording of {tested} test utterances is in training")


def examples() -> Examples:
    """Build an evaluation for each outcome: two segments of each recording, within a part or across both."""
    segments = {utterance_id: f"{utterance_id[:-1]}.wav" for utterance_id in CLASSES}
    across = segments | dict.fromkeys((TRAIN[0], TEST[0]), "both.wav")
    return Examples(
        passed=build_evaluation(audio=lambda utterance_id: segments[utterance_id]),
        failed=build_evaluation(audio=lambda utterance_id: across[utterance_id]),
        not_applicable=build_evaluation(),
    )


def _find_segments(fold: Fold, recordings: Mapping[str, str]) -> list[str]:
    learned = {recordings.get(utterance_id) for utterance_id in (*fold.train, *fold.dev)} - {None}
    return [utterance_id for utterance_id in fold.test if recordings.get(utterance_id) in learned]

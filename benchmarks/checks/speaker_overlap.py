"""Speakers in training and in test of the same fold."""

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.manifest import map_column

__all__ = ["check", "examples"]

MOST_FOLDS = 20  # with more speakers, the check suggests speaker-kfold


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where other utterances of a test speaker are in training: figures measure known voices.

    The check never passes where utterances name no speaker, since an overlap among them would not be seen.
    """
    speaker = {one: name for one, name in map_column(evaluation.utterances, "speaker").items() if name}
    if not speaker:
        return report_not_applicable("the manifest names no speakers")
    tested, known = 0, 0
    for fold in evaluation.folds:
        trained = {speaker.get(utterance_id) for utterance_id in (*fold.train, *fold.dev)} - {None}
        tested += len(fold.test)
        known += sum(speaker.get(utterance_id) in trained for utterance_id in fold.test)
    speakers, total = len(set(speaker.values())), len(evaluation.utterances)
    unnamed = total - len(speaker)
    if known:
        return report_failure(
            f"{known} of {tested} test utterances are of speakers in training",
            meaning="figures measure known voices and are higher than of new ones",
            do=f"name a speaker for the {unnamed} of {total} utterances without" if unnamed else _propose(speakers),
        )
    if unnamed:
        return report_not_applicable(
            f"{unnamed} of {total} utterances name no speaker; among the others no speaker is in training and in test"
        )
    return report_pass(f"none of {speakers} speakers is in training and in test of the same fold")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(),
        failed=build_evaluation(speaker=lambda utterance_id: f"speaker {int(utterance_id[-3:]) % 2}"),
        not_applicable=build_evaluation(speaker=lambda utterance_id: ""),
    )


def _propose(speakers: int) -> str:
    if speakers == 1:
        return "use a corpus of several speakers, a single one cannot show new voices"
    return f"--protocol {'leave-one-speaker-out' if speakers <= MOST_FOLDS else 'speaker-kfold'} tests new voices"

"""Whether a speaker is in training and in test of the same fold."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation

__all__ = ["check"]

MOST_FOLDS = 20  # that a message proposes


def check(results: Evaluation) -> Finding:
    """Fail where a test speaker's other utterances were learned from: the figures are of known voices.

    Where some utterances name no speaker it cannot pass: an overlap among them would not be seen.
    """
    speaker = {row.id: row.speaker for row in results.utterances if row.speaker}
    if not speaker:
        return not_applicable("the manifest names no speakers")
    tested, known = 0, 0
    for fold in results.folds:
        trained = {speaker.get(name) for name in (*fold.train, *fold.dev)} - {None}
        tested += len(fold.test)
        known += sum(speaker.get(name) in trained for name in fold.test)
    unnamed = len(results.utterances) - len(speaker)
    unseen = f"{unnamed} of {len(results.utterances)} utterances name no speaker"
    if known:
        instead = unseen if unnamed else _instead(len(set(speaker.values())))
        return failed(
            f"{known} of {tested} test utterances are of speakers that are in training: figures of known voices, "
            f"higher than of new ones; {instead}"
        )
    if unnamed:
        return not_applicable(f"{unseen}: that no speaker is on both sides is known of the others alone")
    return passed(f"no speaker of {len(set(speaker.values()))} is on both sides of any fold")


def _instead(speakers: int) -> str:
    if speakers == 1:
        return "with a single speaker no protocol shows new ones"
    return f"--protocol {'leave-one-speaker-out' if speakers <= MOST_FOLDS else 'speaker-kfold'} tests new ones"

"""Whether a speaker is in training and in test of the same fold."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.runs.results import Results

__all__ = ["check"]


def check(results: Results) -> Finding:
    """Fails where a test speaker's other utterances were learned from: the figures are of known voices.

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
        more = f"; {unseen}" if unnamed else ""
        return failed(f"{known} of {tested} test utterances are of speakers that are in training: known voices{more}")
    if unnamed:
        return not_applicable(f"{unseen}: that no speaker is on both sides is known of the others alone")
    return passed(f"no speaker of {len(set(speaker.values()))} is on both sides of any fold")

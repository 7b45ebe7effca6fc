"""Whether utterances cut out of one recording are on both sides."""

from collections import Counter

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.fold import Fold

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where a test utterance is a segment of a recording that was learned from: voice and room are shared."""
    recordings = {row.id: row.audio for row in results.utterances if row.audio}
    if not any(count > 1 for count in Counter(recordings.values()).values()):
        return not_applicable("no recording is cut into several utterances")
    tested = sum(len(fold.test) for fold in results.folds)
    shared = [name for fold in results.folds for name in _shared(fold, recordings)]
    if shared:
        return failed(
            f"{len(shared)} of {tested} test utterances are cut out of recordings that were learned from, {shared[0]} "
            "among them: give speakers or dialogues, and take a protocol that keeps these together"
        )
    return passed(f"no recording of {tested} test utterances was learned from")


def _shared(fold: Fold, recordings: dict[str, str]) -> list[str]:
    learned = {recordings.get(name) for name in (*fold.train, *fold.dev)} - {None}
    return [name for name in fold.test if recordings.get(name) in learned]

"""One fold per speaker: test on it, train on the others."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.folds.group_folds import group_by, leave_one_out
from featurestore.manifest import Utterance

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = True


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Build one fold per speaker, named after it, in natural order. The seed is not used."""
    return leave_one_out("speaker", utterances, classes)


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Group utterances by speaker."""
    return group_by("speaker", utterances)

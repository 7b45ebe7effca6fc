"""Two folds: train on one gender, test on the other. An example of a protocol in one file."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.folds.group_folds import group_by, leave_one_out
from featurestore.manifest import Utterance

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

KIND = "protocols"
SPEAKER_INDEPENDENT = True


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Build one fold per gender, which tests on it. The seed is not used."""
    return leave_one_out("gender", utterances, classes)


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Group utterances by speaker."""
    return group_by("speaker", utterances)

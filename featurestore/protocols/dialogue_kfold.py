"""Up to five folds of whole dialogues, with balanced classes. Speakers may be in both training and test."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.folds.group_folds import group_by, group_kfold, require_column
from featurestore.manifest import Utterance

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False  # most speakers have several dialogues


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Test each dialogue in one of five folds (fewer if there are fewer dialogues), drawn by the seed.

    Raises:
        Mismatch: an utterance has no dialogue, there is only one, or every class is too rare to be split.
    """
    return group_kfold("dialogue", require_column("dialogue", utterances, classes), classes, seed)


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Group utterances by dialogue."""
    return group_by("dialogue", utterances)

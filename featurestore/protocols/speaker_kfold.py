"""Up to five folds of whole speakers, with balanced classes."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.folds.group_folds import group_by, group_kfold, require_column
from featurestore.manifest import Utterance

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = True


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Test each speaker in one of five folds (fewer if there are fewer speakers), drawn by the seed."""
    return group_kfold("speaker", require_column("speaker", utterances, classes), classes, seed)


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Group utterances by speaker."""
    return group_by("speaker", utterances)

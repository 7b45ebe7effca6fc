"""Up to five folds of whole speakers, classes balanced."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance
from featurestore.protocols._groups import column_of, kfold, known

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = True


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Tests each speaker in one of five folds (fewer where there are fewer speakers), drawn by the seed."""
    return kfold("speaker", known("speaker", utterances, classes), classes, seed)


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """A speaker stays together."""
    return column_of("speaker", utterances)

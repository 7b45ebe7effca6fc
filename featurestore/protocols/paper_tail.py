"""One fold: test on the last fifth of the utterances in manifest order, as the paper's published code does."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance, list_column, map_column

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False
BY_ORDER = True


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Train on the first 80 % of the utterances that the label scheme keeps, test on the rest.

    The seed is not used.

    The 7,380 six-class turns of IEMOCAP become 5,904 for training and 1,476 for test (Petec and Popoviciu's published
    code). The test turns are all of Session 5, which also has 146 turns in training, so that its speakers are in both.
    """
    kept = [one for one in list_column(utterances, "id") if one in classes]
    border = len(kept) * 4 // 5
    return [Fold("tail", tuple(kept[:border]), tuple(kept[border:]))]


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Put each utterance into a group of its own."""
    return map_column(utterances, "id")

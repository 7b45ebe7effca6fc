"""Five random folds by utterance, as in Yoon et al. 2018. Speakers and dialogues are in both training and test."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.folds.group_folds import group_kfold
from featurestore.manifest import Utterance, keep_ids, map_column

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Test each utterance in one of five folds, drawn by the seed, with balanced classes.

    The figures are of known voices in known conversations, and higher than those of new ones: use this protocol to
    measure by how much.

    The source is "Multimodal Speech Emotion Recognition Using Audio and Text" (Yoon, Byun and Jung 2018) with its code
    (david-yoon/multimodal-speech-emotion). There each fold is cut at random into 80 % for training, 6 % for dev and
    14 % for test. Here a dev part is split from training, so that each utterance is tested once.

    Raises:
        Mismatch: there are fewer than two utterances.
    """
    return group_kfold("utterance", groups(keep_ids(utterances, classes)), classes, seed)


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Put each utterance into a group of its own."""
    return map_column(utterances, "id")

"""One fold: hold out about a fifth of the dialogues, whole. Speakers may be in both training and test."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.folds.group_folds import draw_groups, group_by, require_column
from featurestore.manifest import Utterance, map_column

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False  # most speakers have several dialogues


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Test on whole dialogues with about a fifth of the utterances, drawn by the seed, and train on the rest.

    The draw balances the corpus's own labels over the whole manifest, and only then limits the dialogues to `classes`.
    So an encoder and a head hold out the same dialogues under different label schemes, in any order of the manifest.
    The price: the classes of a scheme that leaves out or joins labels are balanced less exactly than the labels. With
    fewer than five dialogues, the draw holds out about one in as many as there are.

    Raises:
        Mismatch: an utterance that the label scheme keeps has no dialogue, there is only one dialogue, or every label
            is too rare to be split.
    """
    kept = require_column("dialogue", utterances, classes)
    named = {one: name for one, name in map_column(utterances, "dialogue").items() if name}
    held_out = draw_groups("dialogue", named, map_column(utterances, "label"), seed)
    train, test = (tuple(one for one in kept if (one in held_out) == side) for side in (False, True))
    return [Fold("holdout", train, test)]


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Group utterances by dialogue."""
    return group_by("dialogue", utterances)

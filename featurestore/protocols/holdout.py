"""One fold: hold out a seeded fifth of every label, the same utterances under any label scheme (the default)."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.folds.group_split import draw_key
from featurestore.manifest import Utterance, list_column, map_column

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Test on the first fifth (rounded) of each label's ids by the sha256 of `seed:id`, train on the rest.

    The draw is over the corpus's own labels and the whole manifest, and only then limited to `classes`. So an encoder
    and a head hold out the same utterances under different label schemes, in any order of the manifest.
    """
    held_out = _hold_out(utterances, seed)
    kept = [one for one in list_column(utterances, "id") if one in classes]
    train, test = (tuple(one for one in kept if (one in held_out) == side) for side in (False, True))
    return [Fold("holdout", train, test)]


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Put each utterance into a group of its own."""
    return map_column(utterances, "id")


def _hold_out(utterances: Sequence[Utterance], seed: int) -> set[str]:
    by_label: dict[str, list[str]] = {}
    for utterance_id, label in map_column(utterances, "label").items():
        by_label.setdefault(label, []).append(utterance_id)
    drawn = (sorted(ids, key=lambda one: draw_key(one, seed))[: _fifth(len(ids))] for ids in by_label.values())
    return {utterance_id for ids in drawn for utterance_id in ids}


def _fifth(count: int) -> int:
    return (2 * count + 5) // 10  # halves rounded up

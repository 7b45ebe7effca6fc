"""One fold: a seeded fifth of every label is held out, the same utterances whatever the label scheme (the default)."""

from collections.abc import Mapping, Sequence

from featurestore.folds.fold import Fold
from featurestore.folds.grouped import lot
from featurestore.manifest import Utterance

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]

SPEAKER_INDEPENDENT = False


def folds(utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int) -> list[Fold]:
    """Tests on the first fifth (rounded) of each label's ids by the sha256 of `seed:id`, trains on the rest.

    The draw is by the corpus's own labels over the whole manifest and only then limited to `classes`, so that an
    encoder and a head hold out the same utterances under different schemes, and in any order of the manifest.
    """
    held_out = _held_out(utterances, seed)
    kept = [utterance.id for utterance in utterances if utterance.id in classes]
    train = tuple(name for name in kept if name not in held_out)
    return [Fold("holdout", train, tuple(name for name in kept if name in held_out))]


def groups(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Each utterance stands alone."""
    return {row.id: row.id for row in utterances}


def _held_out(utterances: Sequence[Utterance], seed: int) -> set[str]:
    by_label: dict[str, list[str]] = {}
    for utterance in utterances:
        by_label.setdefault(utterance.label, []).append(utterance.id)
    drawn = (sorted(ids, key=lambda name: lot(name, seed))[: _fifth(len(ids))] for ids in by_label.values())
    return {name for ids in drawn for name in ids}


def _fifth(count: int) -> int:
    return (2 * count + 5) // 10  # a fifth, halves rounded up

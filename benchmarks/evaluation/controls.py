"""Controls: what a system would be with less to learn from, and what it does when one modality is taken from it."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.evaluation.feature_sets import modality
from benchmarks.evaluation.source import Store
from featurestore.errors import BadValue
from featurestore.folds.fold import Fold, restrict_turns
from featurestore.folds.group_split import draw_key
from featurestore.spec import parse_feature

LEAST = 2  # of each class, in any share


@dataclass(frozen=True)
class Shuffle:
    """A modality whose rows are permuted, and its features."""

    modality: str
    features: tuple[str, ...]


def shuffles(store: Store, features: Sequence[str]) -> tuple[Shuffle, ...]:
    """One for each modality of a feature set that has both; none of a set that has one."""
    of = {feature: modality(store, parse_feature(feature).encoder) for feature in features}
    found = [
        Shuffle(name, tuple(feature for feature in features if of[feature] == name))
        for name in ("text", "audio")
        if name in of.values()
    ]
    return tuple(found) if len(found) == 2 else ()


def shuffled(
    Z: np.ndarray, blocks: Mapping[str, int], shuffle: Shuffle, ids: Sequence[str], fold: str, seed: int
) -> np.ndarray:
    """Test rows (M, D) in which one modality's columns are another utterance's: permutation importance at prediction
    time (Breiman 2001, "Random Forests", section 10), of a whole modality instead of one variable.

    What a fitted head loses by it is how much its answers rest on this modality, given the other. It is not how much
    the modality could tell: a head that finds the same in both loses little by either, and a head fitted without the
    modality (the feature sets `text` and `audio`) would make more of the other. Words and voice also come together here
    as no speaker brings them together, and about one utterance in as many as there are classes gets a row of its own
    class.

    Args:
        Z: as the head takes them.
        blocks: width of each feature, in column order.
        shuffle: its columns are permuted by whole rows, all by the same permutation.
        ids: of the rows (M,).
        fold: its name; with `seed`, the modality and the ids all that the permutation depends on, so that it is the
            same for all heads.
        seed: of the run.
    """
    order = sorted(range(len(ids)), key=lambda row: draw_key(f"{fold}:{shuffle.modality}:{ids[row]}", seed))
    columns = np.repeat([feature in shuffle.features for feature in blocks], list(blocks.values()))
    out = Z.copy()
    out[:, columns] = Z[order][:, columns]
    return out


def reduced(fold: Fold, share: float, classes: Mapping[str, str], seed: int) -> Fold:
    """The fold with a share of its training part, and of its dev parts, for a learning curve.

    Of each class that share is kept, rounded, and at least two where there are two. The ids of a class are taken in the
    order of the sha256 of `seed:id`, so that with one seed a smaller share lies within a larger one, whatever else is
    compared.

    Args:
        fold: the whole.
        share: above 0 and below 1.
        classes: by id.
        seed: of the draw.
    """
    train, dev = (_part(ids, share, classes, seed) for ids in (fold.train, fold.dev))
    return dataclasses.replace(fold, train=train, dev=dev, turns=restrict_turns(fold, set(train)))


def check_shares(shares: Iterable[float]) -> None:
    """Checks that each is a true part.

    Raises:
        BadValue: one is not.
    """
    wrong = [share for share in shares if not 0 < share < 1]
    if wrong:
        raise BadValue(
            f"{wrong[0]:g} is no share of the training part",
            expected="numbers above 0 and below 1, such as 0.1,0.25,0.5",
            do="leave 1 out: the whole training part is always run",
        )


def _part(ids: Sequence[str], share: float, classes: Mapping[str, str], seed: int) -> tuple[str, ...]:
    by_class: dict[str, list[str]] = {}
    for name in sorted(ids, key=lambda name: draw_key(name, seed)):
        by_class.setdefault(classes[name], []).append(name)
    kept = {name for found in by_class.values() for name in found[: max(LEAST, round(share * len(found)))]}
    return tuple(name for name in ids if name in kept)

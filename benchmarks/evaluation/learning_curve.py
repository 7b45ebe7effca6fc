"""Reduce the training part of a fold to a train size, for a learning curve."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from featurestore.errors import BadValue
from featurestore.folds.fold import Fold, restrict_turns
from featurestore.folds.group_split import draw_key

LEAST = 2  # utterances of each class at any train size


def check_train_sizes(train_sizes: Iterable[float]) -> None:
    """Check that each train size is above 0 and below 1.

    Raises:
        BadValue: one is not.
    """
    wrong = [size for size in train_sizes if not 0 < size < 1]
    if wrong:
        raise BadValue(
            f"invalid train size {wrong[0]:g}",
            expected="numbers above 0 and below 1, such as 0.1,0.25,0.5",
            do="leave 1 out: the whole training part is always run",
        )


def reduce_training(fold: Fold, train_size: float, classes: Mapping[str, str], seed: int) -> Fold:
    """Keep a part of each class in the training part of a fold, and in its dev parts.

    The part is rounded, and at least two utterances of a class stay where it has two. The ids of a class are kept in
    the order of the sha256 of `seed:id`. With one seed, a smaller part is therefore a subset of a larger one.

    Args:
        fold: the whole.
        train_size: above 0 and below 1.
        classes: by id.
        seed: of the draw.
    """
    train, dev = (_draw(ids, train_size, classes, seed) for ids in (fold.train, fold.dev))
    return dataclasses.replace(fold, train=train, dev=dev, turns=restrict_turns(fold, set(train)))


def _draw(ids: Sequence[str], train_size: float, classes: Mapping[str, str], seed: int) -> tuple[str, ...]:
    by_class: dict[str, list[str]] = {}
    for utterance_id in sorted(ids, key=lambda utterance_id: draw_key(utterance_id, seed)):
        by_class.setdefault(classes[utterance_id], []).append(utterance_id)
    kept = {
        utterance_id
        for members in by_class.values()
        for utterance_id in members[: max(LEAST, round(train_size * len(members)))]
    }
    return tuple(utterance_id for utterance_id in ids if utterance_id in kept)

"""A fold: the utterances to train on and to test on, cut by a protocol and checked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from featurestore import registry
from featurestore.errors import Mismatch, UnknownName
from featurestore.manifest import Utterance


@dataclass(frozen=True)
class Fold:
    """One cut of a corpus by utterance id; `name` is what `--fold` takes."""

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]


def cut(protocol: str, utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int = 0) -> list[Fold]:
    """Cuts a corpus by a protocol and checks the result.

    Args:
        protocol: its registry name, for example `holdout`.
        utterances: the whole manifest, so that a cut need not depend on the label scheme.
        classes: class by id, of the utterances that the label scheme keeps; only these are in the folds.
        seed: of protocols that draw; the others ignore it.

    Raises:
        Mismatch: a fold is empty, trains on a test utterance, or has a class in test that is not in training;
            or no or several folds test an utterance (protocols of several folds test each exactly once).
    """
    folds: list[Fold] = registry.module("protocols", protocol).folds(utterances, classes, seed)
    for fold in folds:
        _check(fold, f"protocol {protocol}, fold {fold.name}", classes)
    tested = [name for fold in folds for name in fold.test]
    if len(tested) != len(set(tested)) or (len(folds) > 1 and set(tested) != set(classes)):
        raise Mismatch(f"protocol {protocol} does not test each utterance once", got=f"{len(tested)} of {len(classes)}")
    return folds


def choose(folds: Sequence[Fold], name: str) -> Fold:
    """The fold of that name.

    Raises:
        UnknownName: there is none.
    """
    registry.check(name, [fold.name for fold in folds], what=f"fold {name!r}")
    return next(fold for fold in folds if fold.name == name)


def restrict(fold: Fold, ids: Collection[str], classes: Mapping[str, str]) -> Fold:
    """The fold without the utterances that are not among `ids`, for example those without features.

    Raises:
        Mismatch: what is left is empty or has a class in test that is not in training.
    """
    kept = set(ids)
    left = Fold(
        fold.name,
        tuple(name for name in fold.train if name in kept),
        tuple(name for name in fold.test if name in kept),
    )
    _check(left, f"fold {fold.name}, of the utterances that have features,", classes)
    return left


def _check(fold: Fold, where: str, classes: Mapping[str, str]) -> None:
    if not fold.train or not fold.test:
        raise Mismatch(f"{where} is empty", got=f"{len(fold.train)} to train on, {len(fold.test)} to test on")
    both = set(fold.train) & set(fold.test)
    if both:
        raise Mismatch(f"{where} trains on {len(both)} of its test utterances, {min(both)} among them")
    strangers = (set(fold.train) | set(fold.test)) - set(classes)
    if strangers:
        raise UnknownName(f"{where} holds {len(strangers)} utterances without a class, {min(strangers)} among them")
    unseen = {classes[name] for name in fold.test} - {classes[name] for name in fold.train}
    if unseen:
        raise Mismatch(
            f"{where} tests a class that it never trains on: {', '.join(sorted(unseen))}",
            do="choose a label scheme without it, or another protocol",
        )

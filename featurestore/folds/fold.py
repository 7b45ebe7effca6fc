"""A fold: the utterances to train on, to choose settings on and to test on, cut by a protocol and checked."""

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featurestore import registry
from featurestore.errors import Mismatch, UnknownName
from featurestore.folds import grouped
from featurestore.manifest import Utterance

_PARTS = ("train", "test", "dev", "unused")


@dataclass(frozen=True)
class Fold:
    """One cut of a corpus by utterance id.

    Args:
        name: what `--fold` takes.
        train: to fit on.
        test: to measure on.
        dev: to choose settings on; in neither of the others; empty where it was not asked for.
        unused: left out of training because it would give test utterances away, such as copies of their text.
        turns: further parts of train, cut by the same grouping as dev: a search for settings may let each take its turn
            as dev.
    """

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    dev: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    turns: tuple[tuple[str, ...], ...] = ()


def cut(
    protocol: str, utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int = 0, *, dev: bool = False
) -> list[Fold]:
    """Cuts a corpus by a protocol and checks the result.

    Args:
        protocol: its registry name, for example `holdout`.
        utterances: the whole manifest, so that a cut need not depend on the label scheme.
        classes: class by id, of the utterances that the label scheme keeps; only these are in the folds.
        seed: of protocols that draw; the others ignore it.
        dev: cut a dev part from training by the protocol's own grouping, and parts that can take turns with it, where
            the protocol has not cut a dev part itself.

    Raises:
        Mismatch: a fold is empty, trains on a test utterance, has a class in test that is not in training, or has a
            speaker on both sides where the protocol is speaker-independent; or no or several folds test an utterance
            (protocols of several folds test each exactly once, but for the corpus's own partitions); or no dev part can
            be cut.
    """
    module = registry.module("protocols", protocol)
    folds: list[Fold] = module.folds(utterances, classes, seed)
    if dev:
        groups = module.groups([row for row in utterances if row.id in classes])
        folds = [fold if fold.dev else _with_dev(fold, groups, classes, seed) for fold in folds]
    speakers = {row.id: row.speaker for row in utterances if row.speaker} if module.SPEAKER_INDEPENDENT else {}
    for fold in folds:
        _check(fold, f"protocol {protocol}, fold {fold.name}", classes)
        _check_speakers(fold, f"protocol {protocol}, fold {fold.name}", speakers)
    tested = [name for fold in folds for name in fold.test]
    complete = len(folds) == 1 or set(tested) == set(classes) or getattr(module, "PARTIAL", False)
    if len(tested) != len(set(tested)) or not complete:
        raise Mismatch(f"protocol {protocol} does not test each utterance once", got=f"{len(tested)} of {len(classes)}")
    return folds


def add_dev(
    fold: Fold, protocol: str, utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int = 0
) -> Fold:
    """Cut a dev part, and parts that can take turns with it, from the training part of a fold.

    Args:
        fold: which has no dev part.
        protocol: its registry name; the cut keeps its groups together.
        utterances: the whole manifest.
        classes: class by id.
        seed: of the cut.

    Raises:
        Mismatch: no dev part can be cut.
    """
    groups = registry.module("protocols", protocol).groups([row for row in utterances if row.id in classes])
    return _with_dev(fold, groups, classes, seed)


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
    parts = {part: tuple(name for name in getattr(fold, part) if name in kept) for part in _PARTS}
    left = Fold(fold.name, **parts, turns=turns(fold, kept))
    _check(left, f"fold {fold.name}, of the utterances that have features,", classes)
    return left


def turns(fold: Fold, ids: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """What is left of the fold's `turns` among `ids`."""
    left = (tuple(name for name in part if name in ids) for part in fold.turns)
    return tuple(part for part in left if part)


def digest(folds: Sequence[Fold]) -> str:
    """The sha256 of the folds' names and ids, each part sorted: equal where the cut is equal."""
    content = [
        [fold.name, *(sorted(getattr(fold, part)) for part in _PARTS), *map(sorted, fold.turns)] for fold in folds
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def to_json(folds: Sequence[Fold]) -> dict[str, Any]:
    """The folds as written to disk, with their digest."""
    return {"digest": digest(folds), "folds": [dataclasses.asdict(fold) for fold in folds]}


def from_json(content: Mapping[str, Any]) -> list[Fold]:
    """What `to_json` gave.

    Raises:
        Mismatch: the digest is not that of the folds.
    """
    folds = [
        Fold(
            fold["name"], **{part: tuple(fold[part]) for part in _PARTS}, turns=tuple(map(tuple, fold.get("turns", ())))
        )
        for fold in content["folds"]
    ]
    if digest(folds) != content["digest"]:
        raise Mismatch(
            "the folds were changed after they were written",
            expected=content["digest"],
            got=digest(folds),
            do="run the same cli benchmark again: it writes them anew, and what is whole is kept",
        )
    return folds


def _with_dev(fold: Fold, groups: Mapping[str, str], classes: Mapping[str, str], seed: int) -> Fold:
    parts = grouped.dev(fold.train, groups, classes, seed)
    if not parts:
        raise Mismatch(
            f"no dev part can be cut from the training part of fold {fold.name}",
            expected="two groups (speakers, sessions, …) or more, with every class left in training",
            do="take another protocol, or do without a search for settings",
        )
    dev, *others = (tuple(name for name in fold.train if name in part) for part in parts)
    train = tuple(name for name in fold.train if name not in parts[0])
    return dataclasses.replace(fold, train=train, dev=dev, turns=tuple(others))


def _check(fold: Fold, where: str, classes: Mapping[str, str]) -> None:
    if not fold.train or not fold.test:
        raise Mismatch(f"{where} is empty", got=f"{len(fold.train)} to train on, {len(fold.test)} to test on")
    both = (set(fold.train) | set(fold.dev)) & set(fold.test)
    if both:
        raise Mismatch(f"{where} trains on {len(both)} of its test utterances, {min(both)} among them")
    strangers = (set(fold.train) | set(fold.test) | set(fold.dev)) - set(classes)
    if strangers:
        raise UnknownName(f"{where} holds {len(strangers)} utterances without a class, {min(strangers)} among them")
    unseen = {classes[name] for name in fold.test} - {classes[name] for name in fold.train}
    if unseen:
        raise Mismatch(
            f"{where} tests a class that it never trains on: {', '.join(sorted(unseen))}",
            do="choose a label scheme without it, or another protocol",
        )


def _check_speakers(fold: Fold, where: str, speakers: Mapping[str, str]) -> None:
    trained, tested = (
        {speakers[name] for name in ids if name in speakers} for ids in ((*fold.train, *fold.dev), fold.test)
    )
    if trained & tested:
        raise Mismatch(
            f"{where} tests {len(trained & tested)} speakers that it trains on, {min(trained & tested)} among them",
            expected="no speaker on both sides",
            do="take leave-one-speaker-out or speaker-kfold, or mend the columns speaker and session of the manifest",
        )

"""Split a corpus into folds by a protocol and check that no fold leaks: train, dev and test ids of each fold."""

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featurestore import registry
from featurestore.errors import Mismatch, UnknownName, format_count
from featurestore.folds.group_split import split_dev_parts
from featurestore.known_names import check_known
from featurestore.manifest import Utterance, keep_ids, map_column

_PARTS = ("train", "test", "dev", "unused")


@dataclass(frozen=True)
class Fold:
    """One split of a corpus, by utterance id.

    Args:
        name: value of the option `--fold`.
        train: ids to fit on.
        test: ids to score on.
        dev: ids to choose settings on, disjoint from train and test. Empty unless requested.
        unused: ids left out of training because they would leak test utterances, such as copies of their text.
        turns: further parts of train, split by the same groups as dev. A hyper-parameter search may use each of them
            in turn as dev.
    """

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    dev: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    turns: tuple[tuple[str, ...], ...] = ()


def split(
    protocol: str,
    utterances: Sequence[Utterance],
    classes: Mapping[str, str],
    seed: int = 0,
    *,
    dev: bool = False,
    strata: bool = False,
) -> list[Fold]:
    """Split a corpus by a protocol and check the folds.

    Args:
        protocol: registry name, for example `holdout`.
        utterances: the whole manifest, so that a split need not depend on the label scheme.
        classes: class by id, of the utterances that the label scheme keeps. Folds hold only these.
        seed: split seed; protocols that draw nothing ignore it.
        dev: whether to split a dev part from training, by the protocol's own groups, and further parts that a search
            may use in turn as dev. A dev part that the protocol has split itself is kept.
        strata: whether `classes` only balance the parts, so that test may have one that training lacks.

    Raises:
        Mismatch: a fold is empty, trains on a test utterance or tests a class that is not in training; a speaker is on
            both sides of a speaker-independent protocol; an utterance is tested more than once, or never (except by
            partial protocols and by protocols with a single fold); no dev part can be split.
        UnknownName: there is no such protocol, or a fold holds an utterance without a class.
    """
    module = registry.module("protocols", protocol)
    folds: list[Fold] = module.folds(utterances, classes, seed)
    if dev:
        groups = module.groups(keep_ids(utterances, classes))
        folds = [fold if fold.dev else _split_dev(fold, groups, classes, seed) for fold in folds]
    named = map_column(utterances, "speaker") if module.SPEAKER_INDEPENDENT else {}
    speakers = {one: name for one, name in named.items() if name}
    for fold in folds:
        _check(fold, f"protocol {protocol}, fold {fold.name}", classes, strata=strata)
        _check_speakers(fold, f"protocol {protocol}, fold {fold.name}", speakers)
    tested = [utterance_id for fold in folds for utterance_id in fold.test]
    is_complete = len(folds) == 1 or set(tested) == set(classes) or getattr(module, "PARTIAL", False)
    if len(tested) != len(set(tested)) or not is_complete:
        raise Mismatch(
            f"protocol {protocol} does not test each utterance exactly once", got=f"{len(tested)} of {len(classes)}"
        )
    return folds


def add_dev(
    fold: Fold, protocol: str, utterances: Sequence[Utterance], classes: Mapping[str, str], seed: int = 0
) -> Fold:
    """Split a dev part, and further parts that a search may use in turn as dev, from the training part of a fold.

    Args:
        fold: a fold without a dev part.
        protocol: registry name of the protocol whose groups stay together.
        utterances: the whole manifest.
        classes: class by id.
        seed: split seed.

    Raises:
        Mismatch: no dev part can be split.
    """
    groups = registry.module("protocols", protocol).groups([row for row in utterances if row.id in classes])
    return _split_dev(fold, groups, classes, seed)


def choose(folds: Sequence[Fold], name: str) -> Fold:
    """Return the fold of that name.

    Raises:
        UnknownName: there is no fold of that name.
    """
    check_known(name, [fold.name for fold in folds], what=f"fold {name!r}")
    return next(fold for fold in folds if fold.name == name)


def restrict(fold: Fold, ids: Collection[str], classes: Mapping[str, str], *, strata: bool = False) -> Fold:
    """Return a fold without the utterances that are not in `ids`, for example those without features.

    Args:
        fold: the whole.
        ids: to keep.
        classes: class by id.
        strata: whether `classes` only balance the parts, so that test may have one that training lacks.

    Raises:
        Mismatch: the remaining fold is empty or tests a class that is not in training.
    """
    kept = set(ids)
    parts = {part: tuple(one for one in getattr(fold, part) if one in kept) for part in _PARTS}
    restricted = Fold(fold.name, **parts, turns=restrict_turns(fold, kept))
    _check(restricted, f"fold {fold.name}, restricted to utterances with features,", classes, strata=strata)
    return restricted


def restrict_turns(fold: Fold, ids: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """Return the fold's `turns` without the utterances that are not in `ids`, and without empty parts."""
    parts = (tuple(one for one in part if one in ids) for part in fold.turns)
    return tuple(part for part in parts if part)


def digest(folds: Sequence[Fold]) -> str:
    """Compute the sha256 of the folds' names and ids, independent of the order of ids within a part."""
    content = [
        [fold.name, *(sorted(getattr(fold, part)) for part in _PARTS), *map(sorted, fold.turns)] for fold in folds
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def to_json(folds: Sequence[Fold]) -> dict[str, Any]:
    """Return the folds and their digest as a JSON object."""
    return {"digest": digest(folds), "folds": [dataclasses.asdict(fold) for fold in folds]}


def from_json(content: Mapping[str, Any]) -> list[Fold]:
    """Read the folds from a JSON object that `to_json` has returned.

    Raises:
        Mismatch: the digest does not match the folds.
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
            do="run the same cli benchmark again: it rewrites the folds and keeps intact results",
        )
    return folds


def _split_dev(fold: Fold, groups: Mapping[str, str], classes: Mapping[str, str], seed: int) -> Fold:
    parts = split_dev_parts(fold.train, groups, classes, seed)
    if not parts:
        raise Mismatch(
            f"no dev part can be split from the training part of fold {fold.name}",
            expected="at least two groups (speakers, sessions, …), with every class left in training",
            do="use another protocol, or run without a search for settings",
        )
    dev, *others = (tuple(one for one in fold.train if one in part) for part in parts)
    train = tuple(one for one in fold.train if one not in parts[0])
    return dataclasses.replace(fold, train=train, dev=dev, turns=tuple(others))


def _check(fold: Fold, where: str, classes: Mapping[str, str], *, strata: bool) -> None:
    if not fold.train or not fold.test:
        raise Mismatch(
            f"{where} is empty",
            got=f"{len(fold.train)} to train on, {len(fold.test)} to test on",
            do="choose another protocol, or a label scheme that keeps more utterances",
        )
    shared = (set(fold.train) | set(fold.dev)) & set(fold.test)
    if shared:
        raise Mismatch(f"{where} trains on {len(shared)} of its test utterances, for example {min(shared)}")
    unclassed = (set(fold.train) | set(fold.test) | set(fold.dev)) - set(classes)
    if unclassed:
        raise UnknownName(
            f"{where} holds {format_count(len(unclassed), 'utterance')} without a class, for example {min(unclassed)}"
        )
    unseen = {classes[one] for one in fold.test} - {classes[one] for one in fold.train}
    if unseen and not strata:
        raise Mismatch(
            f"{where} tests a class that it never trains on: {', '.join(sorted(unseen))}",
            do="choose a label scheme without this class, or another protocol",
        )


def _check_speakers(fold: Fold, where: str, speakers: Mapping[str, str]) -> None:
    trained, tested = (
        {speakers[one] for one in ids if one in speakers} for ids in ((*fold.train, *fold.dev), fold.test)
    )
    shared = trained & tested
    if shared:
        raise Mismatch(
            f"{where} tests {format_count(len(shared), 'speaker')} that it also trains on, for example {min(shared)}",
            expected="no speaker in both training and test",
            do="use leave-one-speaker-out or speaker-kfold, or correct the columns speaker and session of the manifest",
        )

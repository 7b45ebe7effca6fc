"""Folds over a column of the manifest: what the protocols by session, speaker and script share."""

import re
from collections.abc import Mapping, Sequence

from featurestore.errors import Mismatch
from featurestore.folds import grouped
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance

DO = "fill the column {column} of the manifest, or take another protocol: cli list protocols"


def leave_one_out(column: str, utterances: Sequence[Utterance], classes: Mapping[str, str]) -> list[Fold]:
    """One fold per value of a column, named after it, in natural order ("2" before "10"); ids in manifest order.

    Raises:
        Mismatch: an utterance has no value there, or all have the same.
    """
    groups = known(column, utterances, classes)
    _check_several(f"leaving one {column} out", column, groups)
    return [
        fold(value, groups, {name for name, group in groups.items() if group == value})
        for value in sorted(set(groups.values()), key=_natural)
    ]


def kfold(prefix: str, groups: Mapping[str, str], classes: Mapping[str, str], seed: int, most: int = 5) -> list[Fold]:
    """Up to five folds of whole groups, classes balanced, named `<prefix>-1` and so on; ids in the order of `groups`.

    Raises:
        Mismatch: all utterances are in one group, or every class is too rare to be cut.
    """
    _check_several(f"folds by {prefix}", prefix, groups)
    count = min(most, len(set(groups.values())))
    try:
        cuts = grouped.parts(groups, groups, classes, count, seed)
    except ValueError as error:  # scikit-learn: every class has fewer members than there are folds
        raise Mismatch(f"{len(groups)} utterances cannot be cut into {count} folds: {error}") from None
    return [fold(f"{prefix}-{number}", groups, part) for number, part in enumerate(filter(None, cuts), 1)]


def known(column: str, utterances: Sequence[Utterance], classes: Mapping[str, str]) -> dict[str, str]:
    """The column's value by id, of the utterances that have a class.

    Raises:
        Mismatch: an utterance has no value there.
    """
    values = {row.id: value for row in utterances if row.id in classes for value in [getattr(row, column)]}
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise Mismatch(
            f"{len(missing)} of {len(values)} utterances have no {column}, {missing[0]} among them",
            expected=f"a {column} for every utterance that the label scheme keeps",
            do=DO.format(column=column),
        )
    return values


def column_of(column: str, utterances: Sequence[Utterance]) -> dict[str, str]:
    """A column's value by id; an utterance without one is a group of its own."""
    return {row.id: getattr(row, column) or f" {row.id}" for row in utterances}


def fold(name: str, ids: Mapping[str, str], test: set[str]) -> Fold:
    """Tests on some ids, trains on the others."""
    return Fold(
        name, tuple(other for other in ids if other not in test), tuple(other for other in ids if other in test)
    )


def _check_several(what: str, column: str, groups: Mapping[str, str]) -> None:
    if len(set(groups.values())) < 2:
        only = ", ".join(set(groups.values())) or "none"
        raise Mismatch(f"{what} needs at least two", got=only, do=DO.format(column=column))


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", text) if part]

"""Build folds over the groups of a manifest column, such as session, speaker or script."""

import re
from collections.abc import Mapping, Sequence

from featurestore.errors import Mismatch
from featurestore.folds.fold import Fold
from featurestore.folds.group_split import draw_key, split_groups
from featurestore.manifest import COLUMNS, Utterance, map_column

MOST_PARTS = 5  # folds of whole groups, and one part in five for a holdout


def leave_one_out(column: str, utterances: Sequence[Utterance], classes: Mapping[str, str]) -> list[Fold]:
    """Build one fold per value of a column, named after it, that tests on the utterances with that value.

    Folds are in natural order ("2" before "10"), ids in manifest order.

    Raises:
        Mismatch: an utterance has no value in the column, or all have the same.
    """
    return leave_one_group_out(column, require_column(column, utterances, classes))


def leave_one_group_out(name: str, groups: Mapping[str, str]) -> list[Fold]:
    """Build one fold per group, named after it, that tests on the group.

    Folds are in natural order ("2" before "10"), ids in the order of `groups`.

    Args:
        name: of the kind of group, for example `session`.
        groups: group by id.

    Raises:
        Mismatch: all utterances are in one group.
    """
    _check_several(f"leaving one {name} out", name, groups)
    return [
        _fold(value, groups, {utterance_id for utterance_id, group in groups.items() if group == value})
        for value in sorted(set(groups.values()), key=_natural_key)
    ]


def group_kfold(
    prefix: str, groups: Mapping[str, str], classes: Mapping[str, str], seed: int, most: int = MOST_PARTS
) -> list[Fold]:
    """Build up to `most` folds of whole groups with balanced classes, named `<prefix>-1` and so on.

    Ids are in the order of `groups`.

    Raises:
        Mismatch: all utterances are in one group, or every class is too rare to be split.
    """
    _check_several(f"folds by {prefix}", prefix, groups)
    parts = _split_groups(groups, classes, min(most, len(set(groups.values()))), seed)
    return [_fold(f"{prefix}-{number}", groups, part) for number, part in enumerate(parts, 1)]


def draw_groups(name: str, groups: Mapping[str, str], classes: Mapping[str, str], seed: int) -> set[str]:
    """Draw whole groups that hold about a fifth of the utterances, with balanced classes, and return their ids.

    Draw one of five parts, or of as many as there are groups if they are fewer. The order of `groups` does not matter.

    Args:
        name: of the kind of group, for example `dialogue`.
        groups: group by id.
        classes: what to balance, by id.
        seed: split seed.

    Raises:
        Mismatch: all utterances are in one group, or every class is too rare to be split.
    """
    _check_several(f"holding out by {name}", name, groups)
    parts = _split_groups(groups, classes, min(MOST_PARTS, len(set(groups.values()))), seed)
    # not always the first: scikit-learn puts the largest group there
    return min(parts, key=lambda part: draw_key(min(part), seed))


def require_column(column: str, utterances: Sequence[Utterance], classes: Mapping[str, str]) -> dict[str, str]:
    """Return a column's value by id, for the utterances that have a class.

    Raises:
        Mismatch: one of these utterances has no value in the column.
    """
    values = {one: value for one, value in map_column(utterances, column).items() if one in classes}
    missing = [utterance_id for utterance_id, value in values.items() if not value]
    if missing:
        raise Mismatch(
            f"{len(missing)} of {len(values)} utterances have no {column}, for example {missing[0]}",
            expected=f"a {column} for every utterance that the label scheme keeps",
            do=_propose(column),
        )
    return values


def group_by(column: str, utterances: Sequence[Utterance]) -> dict[str, str]:
    """Return a column's value by id, and a separate group for each utterance that has none."""
    return {one: value or f" {one}" for one, value in map_column(utterances, column).items()}


def _fold(name: str, ids: Mapping[str, str], test: set[str]) -> Fold:
    train, tested = (tuple(one for one in ids if (one in test) == side) for side in (False, True))
    return Fold(name, train, tested)


def _split_groups(groups: Mapping[str, str], classes: Mapping[str, str], count: int, seed: int) -> list[set[str]]:
    """Split all ids into parts of whole groups, none of them empty."""
    try:
        parts = split_groups(groups, groups, classes, count, seed)
    except ValueError as error:  # scikit-learn: every class has fewer members than there are folds
        raise Mismatch(f"{len(groups)} utterances cannot be split into {count} folds: {error}") from None
    return [part for part in parts if part]


def _check_several(what: str, name: str, groups: Mapping[str, str]) -> None:
    if len(set(groups.values())) < 2:
        only = ", ".join(set(groups.values())) or "none"
        raise Mismatch(f"{what} needs at least two", got=only, do=_propose(name))


def _propose(name: str) -> str:
    other = "use another protocol: cli list protocols"
    return f"fill the column {name} of the manifest, or {other}" if name in COLUMNS else other


def _natural_key(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", text) if part]

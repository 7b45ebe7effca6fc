"""Choose the tables and columns of an audformat database that hold the label."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, quote

TableColumn = tuple[str, str]

_EMOTION = re.compile(r"emotion|emo|emotional_state|affect|label")
_PART = re.compile(r"(?<![a-z0-9])(train|dev|development|val|validation|valid|test)(?![a-z0-9])")
_NUMBERS = ("int", "float", "bool", "time", "date")


def choose_labels(database: Any, root: Path, given: str) -> list[TableColumn]:
    """Return each table and column that hold the label.

    Tables that differ in the part alone, such as `emotion.train` and `emotion.test`, belong together.

    Args:
        database: an `audformat.Database`.
        root: its folder, for messages.
        given: what the user says: `TABLE.COLUMN`, where `*` in TABLE may stand for the part, or `COLUMN`. If empty, the
            label is the only column that is like an emotion by its name or scheme.

    Raises:
        BadValue: no column or several columns may be the label.
    """
    groups = _group_columns(database)
    whole = [pair for name, pairs in groups.items() for pair in pairs if given in (name, ".".join(pair))]
    if whole:
        return whole
    if given:
        fitting = {name: pairs for name, pairs in groups.items() if pairs[0][1] == given}
    else:
        fitting = _find_emotions(database, groups)
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    what = "several columns that may be the label" if fitting else f"no column {given or 'that may be the label'}"
    raise BadValue(
        f"{root / 'db.yaml'} has {what}",
        expected="the table and column of the label",
        got=", ".join(fitting or list_columns(database)),
        do=f"name it: --column {quote('label=' + next(iter(fitting), 'TABLE.COLUMN'))}",
    )


def list_columns(database: Any) -> list[str]:
    """Return the columns of all tables as `TABLE.COLUMN`."""
    return [".".join(pair) for pairs in _group_columns(database).values() for pair in pairs]


def list_unread(database: Any, labels: Sequence[TableColumn], names: set[str]) -> list[str]:
    """Return the columns that are not the label and neither called nor have a scheme called as one of the names."""
    every = [pair for pairs in _group_columns(database).values() for pair in pairs if pair not in labels]
    return [".".join(pair) for pair in every if names.isdisjoint({pair[1], _find_scheme(database, pair)})]


def find_partition(database: Any, table: str, *, several: bool) -> str:
    """Return the type of the split of a table, else the part in its name if there are several tables."""
    split = database.splits.get(database.tables[table].split_id)
    if split is not None:
        return str(split.type)
    match = _PART.search(table)
    return match[1] if match and several else ""


def _group_columns(database: Any) -> dict[str, list[TableColumn]]:
    """Return the columns by their name with `*` for the part."""
    groups: dict[str, list[TableColumn]] = defaultdict(list)
    for table in database.tables:
        for column in database.tables[table].columns:
            groups[f"{_PART.sub('*', table)}.{column}"].append((table, column))
    return groups


def _find_emotions(database: Any, groups: Mapping[str, list[TableColumn]]) -> dict[str, list[TableColumn]]:
    """Return the columns that are called or have a scheme called `emotion`, else those of a similar name."""
    usable = {name: pairs for name, pairs in groups.items() if not _is_number(database, pairs[0])}
    names = {name: (pairs[0][1], _find_scheme(database, pairs[0])) for name, pairs in usable.items()}
    exact = {name: usable[name] for name, own in names.items() if "emotion" in own}
    return exact or {name: usable[name] for name, own in names.items() if any(map(_EMOTION.fullmatch, own))}


def _find_scheme(database: Any, pair: TableColumn) -> str:
    table, column = pair
    return str(database.tables[table].columns[column].scheme_id or "")


def _is_number(database: Any, pair: TableColumn) -> bool:
    scheme = database.schemes.get(_find_scheme(database, pair))
    return scheme is not None and scheme.dtype in _NUMBERS

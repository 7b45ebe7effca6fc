"""Choose the id column and the feature columns of a table (`.csv`, `.parquet`)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore.errors import BadValue
from featurestore.importing._named_arrays import ID_NAMES
from featurestore.known_names import check_known
from featurestore.manifest import COLUMNS

# Numbers that describe an utterance or a frame. As features they would give away the class, or mean nothing.
_DESCRIBING = {*COLUMNS, "frametime", "frameindex", "frame", "split", "fold", "emotion", "class", "target", "index"}
_NAMELESS = re.compile(r"(Unnamed: |level_|__index_level_)\d+(__)?")  # an index that pandas saved
_SHOWN = 4  # columns that a line lists from each end


@dataclass(frozen=True)
class ChosenColumns:
    """The columns to read.

    Args:
        id: the column of ids.
        features: the columns of numbers, in order; or one column of lists.
        notes: lines about what was left out.
    """

    id: str
    features: tuple[str, ...]
    notes: tuple[str, ...]


def choose_columns(
    path: Path, numeric: Mapping[str, bool], lists: Sequence[str], array: str, id_column: str
) -> ChosenColumns:
    """Choose the columns of a table.

    Args:
        path: the file, for messages.
        numeric: for each column in order, whether it holds numbers.
        lists: columns whose cells are lists of numbers.
        array: name of the column of lists, if there are several.
        id_column: name of the column of ids; empty for a usual name.

    Raises:
        BadValue: there is no id column, or no column of features.
        UnknownName: a given name is not a column.
    """
    if array:
        check_known(array, numeric, what=f"column {array!r} in {path}")
    if id_column:
        check_known(id_column, numeric, what=f"column {id_column!r} in {path}")
    chosen = id_column or _find_id(path, list(numeric), numeric)
    features = [name for name, number in numeric.items() if number and not _describes(name) and name != chosen]
    found = [array] if array else [name for name in lists if name != chosen]
    if not array and features and found:
        found = []  # numbers side by side; the lists are left out
    if len(found) > 1 or not (features or found):
        raise BadValue(
            f"{path} has {len(found)} columns of lists of numbers and {len(features)} of numbers",
            expected="columns of numbers, or one column of lists",
            got=_shorten(numeric),
            do=f"name the column of lists: --array {found[0]}" if found else "",
        )
    used = tuple(found or features)
    rest = [name for name in numeric if name not in (*used, chosen)]
    notes = [f"{path.name}: {len(used)} feature columns: {_shorten(used)}"] if not found else []
    notes += [f"{path.name}: columns that are no features: {_shorten(rest)}"] if rest else []
    return ChosenColumns(chosen, used, tuple(notes))


def _find_id(path: Path, columns: Sequence[str], numeric: Mapping[str, bool]) -> str:
    """Return the column of ids: of a usual name, or else a nameless first column of text."""
    by_name = {name.lower(): name for name in reversed(columns)}
    found = next((by_name[name] for name in ID_NAMES if name in by_name), "")
    if not found:
        found = next((name for name in columns if _NAMELESS.fullmatch(name) and not numeric[name]), "")
    if not found:
        raise BadValue(
            f"{path} has no column of utterance ids",
            expected=f"a column {', '.join(ID_NAMES)}",
            got=_shorten(columns),
            do="name it: --id-column NAME",
        )
    return found


def _describes(name: str) -> bool:
    return name.lower() in _DESCRIBING or _NAMELESS.fullmatch(name) is not None


def _shorten(names: Iterable[str]) -> str:
    every = list(names)
    if len(every) <= 2 * _SHOWN:
        return ", ".join(every)
    return f"{', '.join(every[:_SHOWN])}, … {', '.join(every[-_SHOWN:])}, {len(every)} in all"

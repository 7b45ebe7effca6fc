"""Turn the rows of a table into utterances, or report why they cannot be used."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from featurestore.errors import BadValue
from featurestore.manifest import COLUMNS, NUMBERS, Utterance
from featurestore.tables.segments import check_times
from featurestore.tables.table_file import TableRow

_SHOWN = 5  # bad rows that a message lists


def to_utterances(rows: Sequence[TableRow], path: Path) -> list[Utterance]:
    """Return the rows as utterances, with an empty id if none is given.

    Args:
        rows: the rows.
        path: the table; `audio` may be relative to its folder.

    Raises:
        BadValue: there is no row, or some cannot be used; the message lists what is wrong with each.
    """
    good: list[Utterance] = []
    problems: list[str] = []
    for row in rows:
        try:
            good.append(to_utterance(row, path))
        except ValueError as error:
            problems.append(f"row {row.number} {error}")
    check_not_empty(rows, path)
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise BadValue(
            f"{path}: {len(problems)} of {len(rows)} rows cannot be used",
            got="; ".join(problems[:_SHOWN]) + more,
            do="correct or remove these rows",
        )
    return good


def to_utterance(row: TableRow, path: Path) -> Utterance:
    """Return a row as an utterance, with an empty id if none is given.

    Raises:
        ValueError: the row cannot be used; the message continues "row 2 …".
    """
    values: dict[str, object] = {"id": ""}
    if row.problem:
        raise ValueError(row.problem)
    for column, value in row.cells.items():
        if column in NUMBERS:
            values[column] = _parse_number(column, value)
        elif column in COLUMNS:
            values[column] = value if column == "text" else value.strip()
    if not values.get("audio") and not str(values.get("text", "")).strip():
        raise ValueError("has neither audio nor text")
    values["audio"] = normalize_path(str(values.get("audio", "")), path.parent)
    utterance = Utterance(**values)  # type: ignore[arg-type]  # every column has its field's type
    if utterance.audio:
        check_times(utterance.start, utterance.end)
    return utterance


def check_not_empty(rows: Sequence[TableRow], path: Path) -> None:
    """Raise BadValue if a table has no rows."""
    if not rows:
        raise BadValue(
            f"{path} has no rows",
            expected="one row per utterance below the first one",
            do="add the utterances to the table",
        )


def normalize_path(audio: str, folder: Path) -> str:
    r"""Return a Windows path (`clips\a.wav`) with forward slashes, unless a file of that very name exists."""
    changed = audio.replace("\\", "/")
    return changed if changed != audio and not os.path.exists(folder / audio) else audio


def _parse_number(column: str, value: str) -> float | None:
    if not value.strip():
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"has {value!r} in the column {column}, which is not a number")
    return number

"""Parse JSON lines into cells of text, or into the reason why a value does not fit its column."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from featurestore.errors import BadValue
from featurestore.manifest import COLUMNS

_SHOWN = 80  # characters of a row that a message shows
_NESTED = frozenset({"votes"})  # columns that hold JSON


@dataclass(frozen=True)
class JsonLine:
    """One row: its line number, its cells by column, and the first problem with a value (empty if there is none)."""

    number: int
    cells: dict[str, str]
    problem: str


def parse_json_lines(text: str, path: Path, renamed: Mapping[str, str]) -> Iterator[JsonLine]:
    """Parse an object from each line that is not empty, with `null` and NaN (as Python writes it) as missing values.

    Args:
        text: the file's content with plain newlines.
        path: the file, for messages.
        renamed: column by key, for keys with another name than their column.

    Raises:
        BadValue: a line is not a JSON object, has a key twice, or holds a lone surrogate.
    """
    for number, line in _list_lines(text):
        parsed = _parse_object(line, number, path)
        values = {_column(key, renamed): value for key, value in parsed.items()}
        _check_keys(parsed, values, line, number, path)
        cells = {column: format_cell(value) for column, value in values.items()}
        _check_surrogates(cells, line, number, path)
        yield JsonLine(number, cells, find_problem(values))


def parse_objects(text: str, path: Path) -> list[dict[str, object]]:
    """Parse an object from each line that is not empty, with its keys and values as they are.

    Args:
        text: the file's content with plain newlines.
        path: the file, for messages.

    Raises:
        BadValue: a line is not a JSON object.
    """
    return [_parse_object(line, number, path) for number, line in _list_lines(text)]


def has_lone_surrogate(text: str) -> bool:
    """Return whether a text holds half of a character, which cannot be written in UTF-8."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _list_lines(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _column(key: str, renamed: Mapping[str, str]) -> str:
    column = key.strip().lower()
    return renamed.get(column, column)


def _parse_object(line: str, number: int, path: Path) -> dict[str, object]:
    try:
        parsed = json.loads(line, parse_constant=_parse_constant)
    except ValueError as error:
        raise BadValue(f"{path}, row {number} is not JSON: {error}", got=shorten_row(line)) from None
    except RecursionError:
        raise BadValue(f"{path}, row {number} is nested too deep", got=shorten_row(line)) from None
    if not isinstance(parsed, dict):
        raise BadValue(
            f"{path}, row {number} is not an object", expected='{"audio": …, "label": …}', got=shorten_row(line)
        )
    return parsed


def _parse_constant(name: str) -> float | None:
    """Return None for NaN, which pandas writes for a missing value, and a float for `Infinity` and `-Infinity`."""
    return None if name == "NaN" else float(name)


def _check_keys(parsed: Mapping[str, object], values: Mapping[str, object], line: str, number: int, path: Path) -> None:
    if len(values) < len(parsed):
        raise BadValue(
            f"{path}, row {number} has a key twice (ignoring case and surrounding spaces)",
            got=shorten_row(line),
            do="rename or remove one of them",
        )


def _check_surrogates(cells: Mapping[str, str], line: str, number: int, path: Path) -> None:
    if any(map(has_lone_surrogate, (*cells, *cells.values()))):
        raise BadValue(
            f"{path}, row {number} holds half of a character (a lone surrogate)",
            got=shorten_row(line),
            do="correct the row; cutting a text inside an emoji leaves half of it",
        )


def find_problem(values: Mapping[str, object]) -> str:
    """Return why a value does not fit its manifest column, or an empty text.

    Columns that the manifest does not have may hold anything.

    Args:
        values: by column.
    """
    for column, value in values.items():
        if column in COLUMNS and column not in _NESTED and isinstance(value, list | dict):
            return f"has a {'list' if isinstance(value, list) else 'JSON object'} in the column {column}"
        if column in COLUMNS and _has_infinity(value):
            return f"has Infinity in the column {column}"
    return ""


def _has_infinity(value: object) -> bool:
    if isinstance(value, list | dict):
        return any(map(_has_infinity, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and not math.isfinite(value)


def format_cell(value: object) -> str:
    """Return a value of JSON as the text of a cell: strings as they are, nothing for `null`."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shorten_row(text: str) -> str:
    """Return a row as a message shows it: quoted, and no longer than a line."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")

"""The rows of a JSON-lines file, each value as the text that the column takes, or the reason why it cannot be."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from featurestore.errors import BadValue
from featurestore.manifest import COLUMNS

_SHOWN = 80  # letters of a row that a message shows
_NESTED = frozenset({"votes"})  # columns that hold JSON


@dataclass(frozen=True)
class Line:
    """One row: the line's number, its values by key, and what is wrong with one of them (empty: nothing)."""

    number: int
    cells: dict[str, str]
    wrong: str


def parse(text: str, path: Path, renamed: Mapping[str, str]) -> Iterator[Line]:
    """Read an object from each line that is not empty. `null` and NaN, which Python writes for it, are missing.

    Args:
        text: the file's content with plain newlines.
        path: the file, for messages.
        renamed: the column of each key that is called otherwise, by key.

    Raises:
        BadValue: a line that is no JSON object, a key that stands twice, or half of a character.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            found = _object(line, number, path)
            values = {_column(name, renamed): value for name, value in found.items()}
            _check_names(found, values, line, number, path)
            cells = {name: _as_text(value) for name, value in values.items()}
            _check_letters(cells, line, number, path)
            yield Line(number, cells, _wrong(values))


def _column(key: str, renamed: Mapping[str, str]) -> str:
    name = key.strip().lower()
    return renamed.get(name, name)


def _object(line: str, number: int, path: Path) -> dict[str, object]:
    try:
        found = json.loads(line, parse_constant=_constant)
    except ValueError as error:
        raise BadValue(f"{path}, row {number} is not JSON: {error}", got=_short(line)) from None
    except RecursionError:
        raise BadValue(f"{path}, row {number} is nested too deep", got=_short(line)) from None
    if not isinstance(found, dict):
        raise BadValue(f"{path}, row {number} is not an object", expected='{"audio": …, "label": …}', got=_short(line))
    return found


def _constant(name: str) -> float | None:
    """A value that Python writes and JSON does not know: NaN is what pandas has for a missing one."""
    return None if name == "NaN" else float(name)


def _check_names(found: Mapping[str, object], values: Mapping[str, object], line: str, number: int, path: Path) -> None:
    if len(values) < len(found):
        raise BadValue(
            f"{path}, row {number} has a key twice; case and space around it do not count",
            got=_short(line),
            do="rename or remove one of them",
        )


def _check_letters(cells: Mapping[str, str], line: str, number: int, path: Path) -> None:
    if any("\ud800" <= letter <= "\udfff" for text in (*cells, *cells.values()) for letter in text):
        raise BadValue(
            f"{path}, row {number} holds half of a character (a lone surrogate)",
            got=_short(line),
            do="mend the row; an emoji that was cut in two leaves such a half",
        )


def _wrong(values: Mapping[str, object]) -> str:
    """Why a value cannot stand in its column; columns that the manifest does not have are not looked at."""
    for name, value in values.items():
        if name in COLUMNS and name not in _NESTED and isinstance(value, list | dict):
            return f"has a {'list' if isinstance(value, list) else 'JSON object'} in the column {name}"
        if name in COLUMNS and _holds_infinity(value):
            return f"has Infinity in the column {name}"
    return ""


def _holds_infinity(value: object) -> bool:
    if isinstance(value, list | dict):
        return any(map(_holds_infinity, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and not math.isfinite(value)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")

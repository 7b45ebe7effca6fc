"""Read a list of utterance ids from a text, JSON or CSV file."""

import csv
import json
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, NotFound

_EXPECTED = "one id a line, a JSON list of ids (.json), or a table with a column id (.csv, .tsv)"
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def read_ids(path: Path) -> tuple[str, ...]:
    """Read ids in order. An empty file holds none.

    Raises:
        NotFound: there is no such file.
        BadValue: it is not UTF-8, not a list, or an id is empty.
    """
    if not path.is_file():
        raise NotFound(f"there is no list of ids {path}", expected=_EXPECTED)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadValue(f"{path} is not UTF-8: {error}", expected=_EXPECTED) from None
    found = _parse(path, text)
    if empty := [number for number, one in enumerate(found, 1) if not one]:
        raise BadValue(f"{path}: entry {empty[0]} is empty", expected="an id in each place")
    return tuple(found)


def _parse(path: Path, text: str) -> list[str]:
    suffix = path.suffix.lower()
    if not text.strip():
        return []
    if suffix == ".json":
        return _parse_json(path, text)
    if suffix in _DELIMITERS:
        return _parse_table(path, text, _DELIMITERS[suffix])
    return [line.strip() for line in text.rstrip().splitlines()]


def _parse_json(path: Path, text: str) -> list[str]:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadValue(f"{path} is not JSON: {error}", expected=_EXPECTED) from None
    if not isinstance(content, list) or not all(isinstance(one, (str, int)) for one in content):
        raise BadValue(f"{path} is not a list of ids", expected=_EXPECTED)
    return [str(one).strip() for one in content]


def _parse_table(path: Path, text: str, delimiter: str) -> list[str]:
    rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter))
    names = list(rows[0]) if rows else []
    if rows and "id" not in names:
        raise BadValue(f"{path} has no column id", expected=_EXPECTED, got=", ".join(map(str, names)))
    return [(row["id"] or "").strip() for row in rows]

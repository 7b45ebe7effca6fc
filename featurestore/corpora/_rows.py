"""The rows of a CSV, TSV or JSON-lines file, as they are: column names in lower case, cells as text."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore.corpora._text import decoded
from featurestore.errors import BadValue

KINDS = {".csv": ",;\t", ".tsv": "\t", ".jsonl": "", ".ndjson": ""}  # suffix -> what may part the columns


@dataclass(frozen=True)
class Row:
    """One row: its number, counting the header as 1 (in JSON lines, the line's number), and its cells by column."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """A table as it is: the columns in order, the rows, and the encoding that the file turned out to have."""

    columns: Sequence[str]
    rows: Sequence[Row]
    encoding: str


def read(path: Path) -> Table:
    """Reads a table of any of the KINDS.

    Raises:
        BadValue: another kind of file, or a row that does not fit the first one.
    """
    delimiters = KINDS.get(path.suffix.lower())
    if delimiters is None:
        raise BadValue(f"{path} is not a table", expected=f"a file, {' '.join(KINDS)}", got=path.suffix or "no suffix")
    text, encoding = decoded(path)
    if not delimiters:
        found = list(_json_lines(text, path))
        return Table(list(dict.fromkeys(name for row in found for name in row.cells)), found, encoding)
    first, *others = _cells(text, path, delimiters) or [[]]
    columns = [name.strip().lower() for name in first]
    return Table(columns, list(_fitting(columns, others, path)), encoding)


def _cells(text: str, path: Path, delimiters: str) -> list[list[str]]:
    """Every row's cells, parted by what gives a column that we know; Excel writes `;` where the comma is decimal."""
    delimiter = next((mark for mark in delimiters if _is_header(text.partition("\n")[0], mark)), delimiters[0])
    found: list[list[str]] = []
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a text may be as long as it likes
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            found.append(cells)  # the number of those read so far is needed when one fails
    except csv.Error as error:
        raise BadValue(f"{path}, row {len(found) + 1}: {error}", do="check its double quotes") from None
    return found


def _is_header(line: str, delimiter: str) -> bool:
    names = {name.strip().strip('"').lower() for name in line.split(delimiter)}
    return not names.isdisjoint(("label", "audio", "text"))


def _fitting(columns: Sequence[str], others: Sequence[Sequence[str]], path: Path) -> Iterator[Row]:
    for number, cells in enumerate(others, 2):
        if not any(cells):
            continue
        if len(cells) != len(columns):
            raise BadValue(
                f"{path}, row {number} has {len(cells)} cells",
                expected=f"{len(columns)}, as the first row: {', '.join(columns)}",
                got=_short(" | ".join(cells)),
                do="put a cell that holds the separator between double quotes",
            )
        yield Row(number, dict(zip(columns, cells, strict=True)))


def _json_lines(text: str, path: Path) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            raise BadValue(f"{path}, row {number} is not JSON: {error}", got=_short(line)) from None
        if not isinstance(found, dict):
            raise BadValue(
                f"{path}, row {number} is not an object", expected='{"audio": …, "label": …}', got=_short(line)
            )
        cells = {name.strip().lower(): _as_text(value) for name, value in found.items()}
        if len(cells) < len(found):
            raise BadValue(
                f"{path}, row {number} has a key twice; case and space around it do not count",
                got=_short(line),
                do="rename or remove one of them",
            )
        if any(not _is_unicode(text) for text in (*cells, *cells.values())):
            raise BadValue(
                f"{path}, row {number} holds half of a character (a lone surrogate)",
                got=_short(line),
                do="mend the row; an emoji that was cut in two leaves such a half",
            )
        yield Row(number, cells)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")

"""The rows of a CSV, TSV or JSON-lines file, as they are: column names in lower case, cells as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore.corpora import Finding, _delimited, _json_lines
from featurestore.corpora._text import decoded
from featurestore.errors import BadValue

KINDS = {".csv": ",;\t", ".tsv": "\t", ".jsonl": "", ".ndjson": ""}  # suffix -> what may part the columns


@dataclass(frozen=True)
class Row:
    """One row.

    Args:
        number: counting the header as 1; in JSON lines, the line's number.
        cells: by column.
        wrong: why a cell cannot stand in its column; empty where each can.
    """

    number: int
    cells: dict[str, str]
    wrong: str = ""


@dataclass(frozen=True)
class Table:
    """A table as it is: the columns in order, the rows, and what was odd about the file."""

    columns: Sequence[str]
    rows: Sequence[Row]
    findings: tuple[Finding, ...] = ()


def read(path: Path, columns: Mapping[str, str] | None = None) -> Table:
    """Read a table of any of the KINDS.

    Args:
        path: the file.
        columns: what a column is called in this file, where it is not called as in the manifest.

    Raises:
        BadValue: another kind of file, or a row that does not fit the first one.
    """
    delimiters = KINDS.get(path.suffix.lower())
    if delimiters is None:
        raise BadValue(f"{path} is not a table", expected=f"a file, {' '.join(KINDS)}", got=path.suffix or "no suffix")
    text, encoding = decoded(path)
    renamed = _renamed(columns or {})
    table = _delimited_table(text, path, delimiters, renamed) if delimiters else _json_table(text, path, renamed)
    _check_there(columns or {}, table, path)
    not_utf_8 = (Finding("the table is not UTF-8, read as cp1252", (path.name,)),) if encoding == "cp1252" else ()
    return Table(table.columns, table.rows, (*not_utf_8, *table.findings))


def _renamed(columns: Mapping[str, str]) -> dict[str, str]:
    """The column that a name in the file stands for; a column that is read from elsewhere hides its namesake."""
    hidden = {target: f"{target} (another is read for it)" for target in columns}
    return hidden | {source.strip().lower(): target for target, source in columns.items()}


def _check_there(columns: Mapping[str, str], table: Table, path: Path) -> None:
    absent = [source for target, source in columns.items() if target not in table.columns]
    if absent and table.columns:
        raise BadValue(
            f"{path} has no column {' and none '.join(absent)}",
            expected=f"one of {', '.join(filter(None, table.columns))}",
            do="name the file's own columns: --column label=emotion reads the label from its column emotion",
        )


def _json_table(text: str, path: Path, renamed: Mapping[str, str]) -> Table:
    rows = [Row(line.number, line.cells, line.wrong) for line in _json_lines.parse(text, path, renamed)]
    return Table(list(dict.fromkeys(name for row in rows for name in row.cells)), rows)


def _delimited_table(text: str, path: Path, delimiters: str, renamed: Mapping[str, str]) -> Table:
    """The cells are parted by what gives a column that we know; Excel writes `;` where the comma is decimal."""
    known = {"label", "audio", "text", *renamed}
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in delimiters if not known.isdisjoint(_names(first, mark))), delimiters[0])
    found = _delimited.parse(text, path, delimiter)
    header, *others = found.rows or [[]]
    names = [name.strip().lower() for name in header]
    columns = [renamed.get(name, name) for name in names]
    return Table(columns, list(_fitting(columns, others, path)), found.findings)


def _names(line: str, delimiter: str) -> list[str]:
    return [name.strip().strip('"').lower() for name in line.split(delimiter)]


def _fitting(columns: Sequence[str], others: Sequence[Sequence[str]], path: Path) -> Iterator[Row]:
    for number, cells in enumerate(others, 2):
        if not cells:
            continue
        if len(cells) != len(columns):
            raise BadValue(
                f"{path}, row {number} has {len(cells)} cells",
                expected=f"{len(columns)}, as the first row: {', '.join(columns)}",
                got=_short(" | ".join(cells)),
                do="put a cell that holds the separator between double quotes",
            )
        yield Row(number, dict(zip(columns, cells, strict=True)))


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")

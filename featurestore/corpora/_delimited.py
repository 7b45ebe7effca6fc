"""The cells of comma- and tab-separated text; quotation marks may be a writer's quoting or part of what is said."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore.corpora import Finding
from featurestore.errors import BadValue

_TAB = "\t"
_NEEDS_QUOTES = frozenset('",;\t\n')  # what some writer of spreadsheets puts a cell between quotes for
_OPEN = (
    "quotation marks that do not close within their row; in a tab-separated table each line is a row, and the marks "
    "are part of the text"
)
_SWALLOWED = (
    "quoted cells that hold line breaks and what looks like further rows, read as one cell; if these are rows, "
    "a quotation mark there is not closed: double or remove it"
)


@dataclass(frozen=True)
class Cells:
    """The cells of each row, an empty list for an empty line, and what was odd."""

    rows: list[list[str]]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Record:
    """A row as a reader of quoted cells gives it, and the lines of the file that it stands on."""

    cells: list[str]
    lines: list[str]


def parse(text: str, path: Path, delimiter: str) -> Cells:
    """Part a table into cells.

    Commas and semicolons: quoted as RFC 4180 says. Tabs: each line is a row and quotation marks are text, unless the
    table was quoted by a writer, which only then can be read as a table at all or which quotes just what needs it.

    Args:
        text: the file's content with plain newlines.
        path: the file, for messages.
        delimiter: what parts the columns.

    Raises:
        BadValue: double quotes that are not closed, or text beside them.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a text may be as long as it likes
    if delimiter == _TAB and '"' in text:
        return _tabbed(text, path)
    return _quoted(list(_records(text, path, delimiter)), delimiter)


def _tabbed(text: str, path: Path) -> Cells:
    plain = list(csv.reader(io.StringIO(text, newline=""), delimiter=_TAB, quoting=csv.QUOTE_NONE))
    plain[0] = [name.strip().strip('"') for name in plain[0]]
    plain[1:] = [["" if cell == '""' else cell for cell in row] for row in plain[1:]]  # a row of one empty cell
    try:
        records = list(_records(text, path, _TAB))
    except BadValue:
        return Cells(plain, _findings(_OPEN, _unclosed(plain)))
    if not _is_even(plain) or _is_by_a_writer(text, plain, records):
        return _quoted(records, _TAB)
    return Cells(plain, _findings(_OPEN, _unclosed(plain) if len(plain) != len(records) else ()))


def _quoted(records: Sequence[_Record], delimiter: str) -> Cells:
    width = len(records[0].cells) if records else 0
    swallowed = [
        f"row {number}: {len(record.lines)} lines"
        for number, record in enumerate(records, 1)
        if len(record.lines) > 1 and _looks_like_rows(record, delimiter, width)
    ]
    return Cells([record.cells for record in records], _findings(_SWALLOWED, swallowed))


def _looks_like_rows(record: _Record, delimiter: str, width: int) -> bool:
    """Whether lines that quotes hold together may be rows: a tab in such a cell is rare, commas are not."""
    if delimiter == _TAB:
        return any("\n" in cell and _TAB in cell for cell in record.cells)
    return width > 1 and all(line.count(delimiter) >= width - 1 for line in record.lines if line.strip())


def _records(text: str, path: Path, delimiter: str) -> Iterator[_Record]:
    lines = text.split("\n")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start, rows = 0, 0
    try:
        for cells in reader:
            yield _Record(cells, lines[start : reader.line_num])
            start, rows = reader.line_num, rows + 1
    except csv.Error as error:
        raise BadValue(f"{path}, row {rows + 1}: {error}", do="check its double quotes") from None


def _is_even(rows: Sequence[Sequence[str]]) -> bool:
    """Whether every row has as many cells as the first."""
    return all(len(row) == len(rows[0]) for row in rows if row)


def _is_by_a_writer(text: str, plain: Sequence[Sequence[str]], records: Sequence[_Record]) -> bool:
    """Whether the quotes of a table that can be read without quoting, too, are those of a program that wrote it.

    Such a program quotes every column's name, or whole columns, or just the cells that need it.
    """
    if not _is_even([record.cells for record in records]):
        return False
    names = text.partition("\n")[0].split(_TAB)
    if all(_is_between_quotes(name.strip()) for name in names):
        return True
    if len(plain) != len(records):
        return False
    columns = zip(zip(*filter(None, plain[1:]), strict=True), _columns(records[1:]), strict=True)
    return all(_is_quoted_by_rule(list(zip(raw, cells, strict=True))) for raw, cells in columns)


def _columns(records: Sequence[_Record]) -> Iterator[tuple[str, ...]]:
    return zip(*(record.cells for record in records if record.cells), strict=True)


def _is_quoted_by_rule(column: Sequence[tuple[str, str]]) -> bool:
    """Whether the cells of a column, each as it stands and without its quotes, are quoted all, or where needed."""
    if any(raw == cell and '"' in cell for raw, cell in column):
        return False
    if all(raw != cell for raw, cell in column if raw):
        return True
    return all(_NEEDS_QUOTES & set(cell) or cell != cell.strip() for raw, cell in column if raw != cell)


def _is_between_quotes(cell: str) -> bool:
    return len(cell) > 1 and cell.startswith('"') and cell.endswith('"')


def _unclosed(rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"row {number}" for number, row in enumerate(rows, 1) if sum(cell.count('"') for cell in row) % 2]


def _findings(what: str, where: Sequence[str]) -> tuple[Finding, ...]:
    return (Finding(what, tuple(where)),) if where else ()

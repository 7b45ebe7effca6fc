"""Parse comma-, semicolon- and tab-separated text, whose quotation marks may be quoting or part of the text."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore.errors import BadValue
from featurestore.releases.reading import Finding

_TAB = "\t"
_NEEDS_QUOTES = frozenset('",;\t\n')  # characters for which spreadsheet programs quote a cell
_UNCLOSED = (
    "unclosed quotation marks in a tab-separated table; each line is read as a row, and the marks as part of the text"
)
_SWALLOWED = (
    "quoted cells with line breaks and what looks like further rows, read as one cell; if these are rows, "
    "a quotation mark is not closed: double or remove it"
)


@dataclass(frozen=True)
class DelimitedCells:
    """The cells of each row, with an empty list for an empty line, and the findings."""

    rows: list[list[str]]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Record:
    """A row as the reader of quoted cells returns it, and its lines in the file."""

    cells: list[str]
    lines: list[str]


def parse_cells(text: str, path: Path, delimiter: str) -> DelimitedCells:
    """Split a table into cells.

    With commas and semicolons, cells are quoted as in RFC 4180. With tabs, each line is a row and quotation marks are
    part of the text, unless a program has quoted the table. It has if the table is regular only when read as quoted,
    or if quotes follow a rule: whole columns, or just the cells that need them.

    Args:
        text: the file's content with plain newlines.
        path: the file, for messages.
        delimiter: separator of the columns.

    Raises:
        BadValue: a double quote is not closed, or is followed by other text.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # no limit on the length of a cell
    if delimiter == _TAB and '"' in text:
        return _parse_tabs(text, path)
    return _parse_quotes(list(_read_records(text, path, delimiter)), delimiter)


def _parse_tabs(text: str, path: Path) -> DelimitedCells:
    plain = list(csv.reader(io.StringIO(text, newline=""), delimiter=_TAB, quoting=csv.QUOTE_NONE))
    plain[0] = [name.strip().strip('"') for name in plain[0]]
    plain[1:] = [["" if cell == '""' else cell for cell in row] for row in plain[1:]]  # a row of one empty cell
    try:
        records = list(_read_records(text, path, _TAB))
    except BadValue:
        return DelimitedCells(plain, _findings(_UNCLOSED, _find_open_quotes(plain)))
    if not _is_even(plain) or _is_quoted_by_program(text, plain, records):
        return _parse_quotes(records, _TAB)
    return DelimitedCells(plain, _findings(_UNCLOSED, _find_open_quotes(plain) if len(plain) != len(records) else ()))


def _parse_quotes(records: Sequence[_Record], delimiter: str) -> DelimitedCells:
    width = len(records[0].cells) if records else 0
    swallowed = [
        f"row {number}: {len(record.lines)} lines"
        for number, record in enumerate(records, 1)
        if len(record.lines) > 1 and _looks_like_rows(record, delimiter, width)
    ]
    return DelimitedCells([record.cells for record in records], _findings(_SWALLOWED, swallowed))


def _looks_like_rows(record: _Record, delimiter: str, width: int) -> bool:
    """Return whether the lines of a quoted cell may be rows.

    Tabs in such a cell are rare, commas are not.
    """
    if delimiter == _TAB:
        return any("\n" in cell and _TAB in cell for cell in record.cells)
    return width > 1 and all(line.count(delimiter) >= width - 1 for line in record.lines if line.strip())


def _read_records(text: str, path: Path, delimiter: str) -> Iterator[_Record]:
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
    """Return whether every row has as many cells as the first."""
    return all(len(row) == len(rows[0]) for row in rows if row)


def _is_quoted_by_program(text: str, plain: Sequence[Sequence[str]], records: Sequence[_Record]) -> bool:
    """Return whether a program has quoted a table that can be read without quoting, too.

    Programs quote every column's name, whole columns, or just the cells that need it.
    """
    if not _is_even([record.cells for record in records]):
        return False
    names = text.partition("\n")[0].split(_TAB)
    if all(_is_in_quotes(name.strip()) for name in names):
        return True
    if len(plain) != len(records):
        return False
    columns = zip(zip(*filter(None, plain[1:]), strict=True), _columns(records[1:]), strict=True)
    return all(_is_quoted_by_rule(list(zip(raw, cells, strict=True))) for raw, cells in columns)


def _columns(records: Sequence[_Record]) -> Iterator[tuple[str, ...]]:
    return zip(*(record.cells for record in records if record.cells), strict=True)


def _is_quoted_by_rule(column: Sequence[tuple[str, str]]) -> bool:
    """Return whether all cells of a column are quoted, or just those that need it.

    Args:
        column: each cell as it stands in the file, and without its quotes.
    """
    if any(raw == cell and '"' in cell for raw, cell in column):
        return False
    if all(raw != cell for raw, cell in column if raw):
        return True
    return all(_NEEDS_QUOTES & set(cell) or cell != cell.strip() for raw, cell in column if raw != cell)


def _is_in_quotes(cell: str) -> bool:
    return len(cell) > 1 and cell.startswith('"') and cell.endswith('"')


def _find_open_quotes(rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"row {number}" for number, row in enumerate(rows, 1) if sum(cell.count('"') for cell in row) % 2]


def _findings(what: str, where: Sequence[str]) -> tuple[Finding, ...]:
    return (Finding(what, tuple(where)),) if where else ()

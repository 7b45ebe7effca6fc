"""Read the delimited files in which corpora keep labels and texts, and parse their cells."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from featurestore.errors import Mismatch
from featurestore.releases.finding_list import FindingList
from featurestore.releases.label_files import decode_reported, find_optional
from featurestore.releases.release_files import ReleaseFiles

_SHORT = "rows with fewer cells than the header, ignored"
_LONG = "rows with more cells than the header; the cells beyond it are ignored"
_GENDERS = {"f": "F", "female": "F", "woman": "F", "m": "M", "male": "M", "man": "M"}


def read_rows(
    path: Path, columns: Sequence[str], found: FindingList, *, delimiter: str = ",", quoted: bool = True
) -> list[dict[str, str]]:
    """Read the rows of a delimited file with a header.

    Columns are found whatever their case and the space around them. Rows with too few cells are reported and left out.

    Args:
        path: the file.
        columns: that it must have.
        found: receives the findings.
        delimiter: between two cells.
        quoted: whether cells may be quoted. If not, quotation marks are part of the text.

    Returns:
        One dictionary per row, with all its columns; those of `columns` are spelt as there. Cells are stripped.

    Raises:
        Mismatch: a column is missing, or the file cannot be parsed.
        NotFound: the file cannot be read.
    """
    records = _parse_records(path, decode_reported(path, found), delimiter, quoted=quoted)
    header = _find_header(path, records[0] if records else [], columns)
    rows = []
    for number, record in enumerate(records[1:], 2):
        if not any(cell.strip() for cell in record):
            continue
        if len(record) != len(header):
            found.add(_SHORT if len(record) < len(header) else _LONG, [f"{path.name}, row {number}"])
        if len(record) >= len(header):
            rows.append(dict(zip(header, map(str.strip, record), strict=False)))
    return rows


def read_tables(
    files: ReleaseFiles, names: Mapping[str, str], columns: Sequence[str], found: FindingList
) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield the partition, the cells and the place of every row.

    Args:
        files: of the release.
        names: name of the table of each partition.
        columns: that every table must have.
        found: receives the tables that are missing.

    Raises:
        NotFound: a table cannot be read.
        Mismatch: a column is missing, or a table cannot be parsed.
    """
    for partition, name in names.items():
        path = find_optional(files, name, found, without="their partitions are left out")
        rows = read_rows(files.root / path, columns, found) if path else []
        for number, row in enumerate(rows, 1):
            yield partition, row, f"{Path(path).name}, utterance {number}"


def has_tables(files: ReleaseFiles, names: Mapping[str, str]) -> bool:
    """Return whether a release has the table of any partition."""
    return any(files.find_named(name) for name in names.values())


def parse_number(text: str) -> float | None:
    """Return the number in a cell, or None if there is none.

    >>> parse_number("2.5"), parse_number("NaN"), parse_number("")
    (2.5, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_gender(text: str) -> str:
    """Return the gender that an English word or its initial says, `F` or `M`, or an empty text.

    >>> parse_gender("Female"), parse_gender("m"), parse_gender("other")
    ('F', 'M', '')
    """
    return _GENDERS.get(text.strip().lower(), "")


def _parse_records(path: Path, text: str, delimiter: str, *, quoted: bool) -> list[list[str]]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # texts may be long
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting))
    except csv.Error as error:
        raise Mismatch(f"{path} cannot be parsed: {error}", do="get the file again") from None


def _find_header(path: Path, cells: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return the names of the columns, spelt as expected."""
    known = {column.casefold(): column for column in columns}
    header = [known.get(cell.strip().casefold(), cell.strip()) for cell in cells]
    if missing := [column for column in columns if column not in header]:
        raise Mismatch(
            f"{path} has missing columns",
            expected=", ".join(columns),
            got=", ".join(header) or "an empty file",
            do=f"get the file again: it has no {', '.join(missing)}",
        )
    return header

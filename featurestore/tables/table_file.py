"""Find and read a CSV, TSV or JSON-lines file as rows of text cells, with column names in lower case."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from featurestore.errors import BadValue, NotFound, format_count, quote
from featurestore.manifest import COLUMNS
from featurestore.releases.reading import Finding
from featurestore.releases.text_decoding import decode_text
from featurestore.tables.delimited import parse_cells
from featurestore.tables.json_lines import parse_json_lines, shorten_row

DELIMITERS = {".csv": ",;\t", ".tsv": "\t", ".jsonl": "", ".ndjson": ""}  # possible delimiters by suffix
_SUFFIXES = " ".join(DELIMITERS)
_DO = "give the path of the table, or of the folder that holds it"


@dataclass(frozen=True)
class TableRow:
    """One row.

    Args:
        number: row number, counting the header as 1; in JSON lines, the line number.
        cells: text by column.
        problem: why a cell does not fit its column; empty if each does.
    """

    number: int
    cells: dict[str, str]
    problem: str = ""


@dataclass(frozen=True)
class TableFile:
    """The content of a table.

    Args:
        path: the file.
        columns: column names in order, as the manifest calls them.
        rows: the rows in order.
        findings: irregularities of the file.
        header: column names in order, as the file calls them.
    """

    path: Path
    columns: Sequence[str]
    rows: Sequence[TableRow]
    findings: tuple[Finding, ...] = ()
    header: Sequence[str] = ()


def read_table(root: Path, columns: Mapping[str, str] | None = None, *, labelled: bool = True) -> TableFile:
    """Read a table and check its columns.

    Args:
        root: the file, or a folder that holds exactly one table.
        columns: name of a manifest column in this file, if it is not the same.
        labelled: whether the table must have a label column.

    Raises:
        NotFound: there is no table.
        BadValue: there are several tables; the file is of another kind; a row does not fit the first one; or columns
            are missing or duplicate.
    """
    path = _find_table(root)
    delimiters = DELIMITERS.get(path.suffix.lower())
    if delimiters is None:
        raise BadValue(
            f"{path} is not a table",
            expected=f"a file, {_SUFFIXES}",
            got=path.suffix or "no suffix",
            do="export it as CSV in UTF-8",
        )
    text, encoding = decode_text(path)
    renamed = _rename(columns or {})
    table = _read_cells(text, path, delimiters, renamed) if delimiters else _read_json_lines(text, path, renamed)
    original = {column: name for name, column in renamed.items()}
    table = replace(table, header=[original.get(column, column) for column in table.columns if column])
    _check_mapping(columns or {}, table)
    check_columns(table, labelled=labelled)
    not_utf_8 = (Finding("the table is not UTF-8, read as cp1252", (path.name,)),) if encoding == "cp1252" else ()
    return replace(table, findings=(*not_utf_8, *table.findings))


def _find_table(root: Path) -> Path:
    if root.is_file():
        return root
    if not root.is_dir():
        raise NotFound(f"there is no table {root}", expected=f"a file, {_SUFFIXES}, or a folder that holds one", do=_DO)
    files = (path for path in root.iterdir() if path.suffix.lower() in DELIMITERS and path.is_file())
    tables = sorted(path for path in files if not path.name.startswith("."))
    if not tables:
        raise NotFound(f"{root} holds no table", expected=f"a file, {_SUFFIXES}", do=_DO)
    if len(tables) > 1:
        raise BadValue(
            f"{root} holds {len(tables)} tables",
            expected="one",
            got=", ".join(path.name for path in tables),
            do=f"give the path of one of them, for example {quote(tables[0])}",
        )
    return tables[0]


def _rename(columns: Mapping[str, str]) -> dict[str, str]:
    """Return the column by its name in the file, and another name for a column that would clash with a renamed one."""
    hidden = {target: f"{target} (another is read for it)" for target in columns}
    return hidden | {source.strip().lower(): target for target, source in columns.items()}


def _check_mapping(columns: Mapping[str, str], table: TableFile) -> None:
    unknown = [target for target in columns if target not in COLUMNS]
    if unknown:
        raise BadValue(
            f"the manifest has no column {' and no '.join(map(repr, unknown))}",
            expected=f"one of {', '.join(COLUMNS)}",
            do="map a column of the manifest to its name in the table: label=emotion",
        )
    absent = [source for target, source in columns.items() if target not in table.columns]
    if absent and table.columns:
        raise BadValue(
            f"{table.path} has no column {', '.join(absent)}",
            expected=f"one of {', '.join(table.header)}",
            do=suggest_names(absent, table.header)
            + "use the column names of the file: --column label=emotion reads the label from its column emotion",
        )


def check_columns(table: TableFile, *, labelled: bool = True) -> None:
    """Raise BadValue unless a table has a label, and audio or text, and no column twice.

    Args:
        table: the table.
        labelled: whether it must have a label.
    """
    known = [name for name in table.columns if name]
    wanted = "label, and audio or text" if labelled else "audio or text"
    if not known:
        raise BadValue(
            f"{table.path} is empty",
            expected=f"a first row with {wanted}",
            do="write the table again, with one row per utterance",
        )
    missing = ["label"] if labelled and "label" not in known else []
    if "audio" not in known and "text" not in known:
        missing.append("audio or text")
    twice = [name for name, count in Counter(known).items() if count > 1]
    if missing or twice:
        lacks = f"has no column {' and no '.join(missing)}" if missing else f"has the column {', '.join(twice)} twice"
        options = [f"--column {name.partition(' ')[0]}=NAME" for name in missing] or ["--column COLUMN=NAME"]
        raise BadValue(
            f"{table.path} {lacks}",
            expected=f"{wanted}; if known also speaker, gender, session, script, partition and so on",
            got=", ".join(table.header),
            do=f"rename the {'columns in its first row' if DELIMITERS.get(table.path.suffix.lower()) else 'keys'}, "
            f"or map them: {' '.join(options)}",
        )


def suggest_names(absent: Sequence[str], header: Sequence[str]) -> str:
    """Suggest the column of the file that is closest to each one that it does not have."""
    close = [match for name in absent for match in get_close_matches(name.lower(), header, n=1)]
    return f"did you mean {' and '.join(close)}? " if close else ""


def _read_json_lines(text: str, path: Path, renamed: Mapping[str, str]) -> TableFile:
    rows = [TableRow(line.number, line.cells, line.problem) for line in parse_json_lines(text, path, renamed)]
    return TableFile(path, list(dict.fromkeys(column for row in rows for column in row.cells)), rows)


def _read_cells(text: str, path: Path, delimiters: str, renamed: Mapping[str, str]) -> TableFile:
    """Split the text by the first delimiter that gives a known column.

    Excel writes `;` in countries with a decimal comma.
    """
    known = {"label", "audio", "text", *renamed}
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in delimiters if not known.isdisjoint(_split_names(first, mark))), delimiters[0])
    parsed = parse_cells(text, path, delimiter)
    header, *others = parsed.rows or [[]]
    names = [name.strip().lower() for name in header]
    columns = [renamed.get(name, name) for name in names]
    return TableFile(path, columns, list(_fit_rows(columns, others, path, names)), parsed.findings)


def _split_names(line: str, delimiter: str) -> list[str]:
    return [name.strip().strip('"').lower() for name in line.split(delimiter)]


def _fit_rows(
    columns: Sequence[str], others: Sequence[Sequence[str]], path: Path, header: Sequence[str]
) -> Iterator[TableRow]:
    for number, cells in enumerate(others, 2):
        if not cells:
            continue
        if len(cells) != len(columns):
            raise BadValue(
                f"{path}, row {number} has {format_count(len(cells), 'cell')}",
                expected=f"{len(columns)}, as the first row: {', '.join(header)}",
                got=shorten_row(" | ".join(cells)),
                do="put a cell that holds the separator between double quotes",
            )
        yield TableRow(number, dict(zip(columns, cells, strict=True)))

"""Name the columns of another format as the manifest does, by its conventions and by `--column`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from featurestore.errors import BadValue, format_count
from featurestore.manifest import COLUMNS
from featurestore.releases.finding_list import FindingList
from featurestore.releases.label_tables import parse_gender
from featurestore.tables.json_lines import find_problem, format_cell, has_lone_surrogate
from featurestore.tables.table_file import TableFile, TableRow, check_columns, suggest_names

RawRow = Mapping[str, object]
UsualNames = Mapping[str, Sequence[str]]

_OTHER_GENDERS = "genders other than female and male, left empty"


def name_columns(
    path: Path, rows: Sequence[RawRow], usual: UsualNames, columns: Mapping[str, str] | None, found: FindingList
) -> TableFile:
    """Return the rows of a format as a table with the columns of the manifest.

    A column is the one that the user names, else one of the manifest's name, else the first of its usual names. Names
    are compared whatever their case. All other columns are reported as ignored.

    Args:
        path: the file that the rows are from, for messages; `audio` is relative to its folder.
        rows: values by the format's own names, in order.
        usual: the format's usual names of a manifest column, the most usual one first.
        columns: the names that the user gives, by manifest column.
        found: receives the findings, and gives its own to the table.

    Raises:
        BadValue: a name that the user gives does not exist, or there is no label, or neither audio nor text.
    """
    if not rows:
        raise _refuse_empty(path, found)
    header = list(dict.fromkeys(name for row in rows for name in row))
    sources = _choose_sources(path, header, usual, columns or {})
    targets = {source: target for target, source in sources.items()}
    names = {name: targets.get(name) or _name_ignored(name, sources) for name in header}
    made = [_to_row(number, {names[name]: value for name, value in row.items()}) for number, row in enumerate(rows, 1)]
    _normalize_genders(made, found)
    table = TableFile(path, list(names.values()), made, header=header)
    check_columns(table)
    return TableFile(path, table.columns, made, found.findings(), header)


def _refuse_empty(path: Path, found: FindingList) -> BadValue:
    """Return the error about a format without a row that can be read, with what was ignored."""
    ignored = [f"{finding.what}: {len(finding.where)}" for finding in found.findings()]
    return BadValue(
        f"{path} holds no utterance that can be read",
        expected="utterances with audio or text",
        got="; ".join(ignored),
        do="check that it is complete",
    )


def _choose_sources(path: Path, header: Sequence[str], usual: UsualNames, columns: Mapping[str, str]) -> dict[str, str]:
    """Return the format's column for each column of the manifest that it has."""
    given = {target: _find(header, [source]) for target, source in columns.items()}
    if absent := [columns[target] for target, source in given.items() if not source]:
        raise BadValue(
            f"{path} has no column {', '.join(absent)}",
            expected=f"one of {', '.join(header)}",
            do=suggest_names(absent, header) + "use the names of the file: --column label=NAME",
        )
    free = [name for name in header if name not in given.values()]
    usually = {target: _find(free, [target, *usual.get(target, ())]) for target in COLUMNS if target not in given}
    return {target: source for target, source in {**usually, **given}.items() if source}


def _find(header: Sequence[str], names: Sequence[str]) -> str:
    for name in names:
        same = [one for one in header if one.casefold() == name.casefold()]
        if same:
            return name if name in same else same[0]
    return ""


def _name_ignored(name: str, sources: Mapping[str, str]) -> str:
    return f"{name} (another is read for it)" if name.lower() in sources else name


def _to_row(number: int, values: Mapping[str, object]) -> TableRow:
    cells = {column: format_cell(value) for column, value in values.items()}
    halves = [column for column, cell in cells.items() if has_lone_surrogate(cell)]
    problem = f"holds half of a character (a lone surrogate) in the column {halves[0]}" if halves else ""
    return TableRow(number, cells, find_problem(values) or problem)


def _normalize_genders(rows: Sequence[TableRow], found: FindingList) -> None:
    other: Counter[str] = Counter()
    for row in rows:
        gender = row.cells.get("gender", "").strip()
        if gender:
            row.cells["gender"] = parse_gender(gender)
            other[gender] += not row.cells["gender"]
    found.add(_OTHER_GENDERS, [f"{gender} on {format_count(count, 'row')}" for gender, count in other.items() if count])

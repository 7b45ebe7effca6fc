"""A table of your own: CSV, TSV or JSON lines with `audio` or `text`, and `label`; other manifest columns are taken."""

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from featurestore.corpora import Card, Finding, Reading
from featurestore.corpora._clips import measured
from featurestore.corpora._rows import KINDS, Row, Table, read
from featurestore.errors import BadValue, NotFound, quoted
from featurestore.manifest import COLUMNS, NUMBERS, Utterance

CARD = Card(
    title="A table of your own: CSV, TSV or JSON lines",
    licence="that of your own data",
    citation="that of your own data",
    note="read from a table of your own",
)
_SHOWN = 5  # bad rows that a message lists


def utterances(root: Path) -> Reading:
    """Reads a table: one utterance per row, in its order; `audio` is absolute or relative to the table's folder.

    Args:
        root: the table, or a folder that holds exactly one.

    Raises:
        NotFound: there is no table.
        BadValue: more than one table, columns that are missing, or rows that cannot be used; the message names them.
    """
    path = _table(root)
    table = read(path)
    _check_columns(table, path, labelled=True)
    unique, renamed = _unique(_rows(table, path))
    complete, findings = measured(path.parent, unique)
    about = (
        Finding("the table is not UTF-8, read as cp1252", (path.name,) if table.encoding == "cp1252" else ()),
        Finding("columns that the manifest does not have, ignored", _unknown(table)),
        Finding("ids that stand more than once; the later ones got a number", renamed),
        Finding("rows without a label", tuple(row.id for row in complete if not row.label)),
        Finding("labels that differ only in case or space, kept as classes of their own", _alike(complete)),
        Finding("audio files on more than one row; start and end do not cut them", _shared(complete)),
    )
    return Reading(complete, (*(finding for finding in about if finding.where), *findings))


def unlabelled(path: Path) -> list[Utterance]:
    """Reads a table of speech to predict: as `utterances`, but a label is not needed and clips are not looked at."""
    table = read(_table(path))
    _check_columns(table, path, labelled=False)
    return _unique(_rows(table, path))[0]


def _table(root: Path) -> Path:
    if root.is_file():
        return root
    if not root.is_dir():
        raise NotFound(f"there is no table {root}", expected=f"a file, {_suffixes()}, or a folder that holds one")
    found = sorted(path for path in root.iterdir() if path.suffix.lower() in KINDS and not path.name.startswith("."))
    if not found:
        raise NotFound(f"{root} holds no table", expected=f"a file, {_suffixes()}")
    if len(found) > 1:
        raise BadValue(
            f"{root} holds {len(found)} tables",
            expected="one",
            got=", ".join(path.name for path in found),
            do=f"name the one: cli prepare table {quoted(found[0])}",
        )
    return found[0]


def _suffixes() -> str:
    return " ".join(KINDS)


def _unknown(table: Table) -> tuple[str, ...]:
    return tuple(name or "(a column without a name)" for name in table.columns if name not in COLUMNS)


def _check_columns(table: Table, path: Path, *, labelled: bool) -> None:
    header = [name for name in table.columns if name]
    if not header:
        raise BadValue(f"{path} is empty", expected="a first row with label, and audio or text")
    missing = ["label"] if labelled and "label" not in header else []
    if "audio" not in header and "text" not in header:
        missing.append("audio or text")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if missing or twice:
        lacks = f"lacks the column {' and '.join(missing)}" if missing else f"has the column {', '.join(twice)} twice"
        raise BadValue(
            f"{path} {lacks}",
            expected="label, and audio or text; where known also speaker, gender, session, script, partition and so on",
            got=", ".join(header),
            do="rename the columns in its first row" if path.suffix.lower() in (".csv", ".tsv") else "rename the keys",
        )


def _rows(table: Table, path: Path) -> list[Utterance]:
    """The rows as utterances; all that is wrong with any of them is said at once."""
    good: list[Utterance] = []
    problems: list[str] = []
    for row in table.rows:
        try:
            good.append(_utterance(row, path))
        except ValueError as error:
            problems.append(f"row {row.number} {error}")
    _check(problems, len(table.rows), path)
    return good


def _utterance(row: Row, path: Path) -> Utterance:
    values: dict[str, object] = {}
    for column, value in row.cells.items():
        if column in NUMBERS:
            values[column] = _number(column, value)
        elif column in COLUMNS:
            values[column] = value if column == "text" else value.strip()
    if not values.get("audio") and not str(values.get("text", "")).strip():
        raise ValueError("has neither audio nor text")
    values["audio"] = _posix(str(values.get("audio", "")), path.parent)
    named = values.get("id") or PurePosixPath(str(values["audio"])).stem or f"{path.stem}-{row.number}"
    return Utterance(**{**values, "id": named})  # type: ignore[arg-type]  # every column has its field's type


def _number(column: str, value: str) -> float | None:
    if not value.strip():
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"has {value!r} in the column {column}, which is not a number")
    return number


def _posix(audio: str, folder: Path) -> str:
    r"""A path as a table made on Windows has it (`clips\a.wav`), as this machine knows it."""
    changed = audio.replace("\\", "/")
    return changed if changed != audio and not os.path.exists(folder / audio) else audio


def _check(problems: Sequence[str], total: int, path: Path) -> None:
    if not total:
        raise BadValue(f"{path} has no rows", expected="one row per utterance under the first one")
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise BadValue(
            f"{path}: {len(problems)} of {total} rows cannot be used",
            got="; ".join(problems[:_SHOWN]) + more,
            do="correct or remove these rows",
        )


def _unique(found: Sequence[Utterance]) -> tuple[list[Utterance], tuple[str, ...]]:
    """The utterances with ids made unique, and each change as `old -> new`."""
    taken = {row.id for row in found}
    seen: set[str] = set()
    unique, renamed = [], []
    for row in found:
        if row.id in seen:
            new = next(name for name in _numbered(row.id) if name not in taken)
            taken.add(new)
            renamed.append(f"{row.id} -> {new}")
            row = replace(row, id=new)
        seen.add(row.id)
        unique.append(row)
    return unique, tuple(renamed)


def _numbered(name: str) -> Iterator[str]:
    number = 2
    while True:
        yield f"{name}#{number}"
        number += 1


def _alike(found: Sequence[Utterance]) -> tuple[str, ...]:
    """Labels that are one but for case and space, each group as `Happy, happy`."""
    groups: dict[str, list[str]] = {}
    for label in dict.fromkeys(row.label for row in found):
        groups.setdefault("".join(label.split()).casefold(), []).append(label)
    return tuple(", ".join(labels) for labels in groups.values() if len(labels) > 1)


def _shared(found: Sequence[Utterance]) -> tuple[str, ...]:
    counts = Counter(row.audio for row in found if row.audio)
    return tuple(name for name, count in counts.items() if count > 1)

"""A table of your own: CSV, TSV or JSON lines with `audio` or `text`, and `label`; other manifest columns are taken."""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from featurestore.corpora import Card, Finding, Reading, _ids, _missing
from featurestore.corpora._clips import lengths, measured
from featurestore.corpora._rows import KINDS, Row, Table, read
from featurestore.corpora._segments import are_cut, check_times
from featurestore.errors import BadValue, NotFound, quoted
from featurestore.manifest import COLUMNS, NUMBERS, Utterance

CARD = Card(
    title="A table of your own: CSV, TSV or JSON lines",
    licence="that of your own data",
    citation="that of your own data",
    note="read from a table of your own",
    own=True,
)
_SHOWN = 5  # bad rows that a message lists
_OBJECTS = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Spoken:
    """A row of a table to predict, or the reason why there is nothing to predict in it."""

    utterance: Utterance
    reason: str = ""


@dataclass(frozen=True)
class Unlabelled:
    """A table to predict.

    Args:
        rows: in the order of the table.
        columns: the manifest's columns that it has.
        folder: what `audio` is relative to.
        segments: whether `start` and `end` cut each utterance out of its `audio`.
        findings: everything odd about it.
    """

    rows: tuple[Spoken, ...]
    columns: frozenset[str]
    folder: Path
    segments: bool
    findings: tuple[Finding, ...]


def utterances(root: Path, columns: Mapping[str, str] | None = None) -> Reading:
    """Read a table: one utterance per row, in its order; `audio` is absolute or relative to the table's folder.

    Args:
        root: the table, or a folder that holds exactly one.
        columns: what a column of the manifest is called in this table, where it has another name.

    Raises:
        NotFound: there is no table.
        BadValue: more than one table, columns that are missing, or rows that cannot be used; the message names them.
    """
    path = _table(root)
    table = read(path, columns)
    _check_columns(table, path, labelled=True)
    filled = [row for row in table.rows if any(row.cells.values())]
    named = _ids.identified(_rows(filled, path), [row.number for row in filled], path)
    known = lengths(path.parent, named.rows)
    segments, decided = are_cut(named.rows, known)
    complete, clips = measured(path.parent, named.rows, known=known, segments=segments)
    about = (
        Finding("columns that the manifest does not have, ignored", _unknown(table)),
        Finding("rows without anything in any cell, ignored", _empty(table)),
        Finding("rows without a label", tuple(row.id for row in complete if not row.label)),
        Finding("labels that differ only in case or space, kept as classes of their own", _alike(complete)),
        Finding("labels that begin with a quotation mark, kept with it", _quoted(complete)),
        Finding("audio files on more than one row, without a start and end that tell these apart", _shared(complete)),
    )
    odd = tuple(finding for finding in about if finding.where)
    findings = (*table.findings, *named.findings, *odd, *_missing.findings(complete), *decided, *clips)
    return Reading(complete, findings, named.kind, segments, named.made_up)


def unlabelled(root: Path, columns: Mapping[str, str] | None = None) -> Unlabelled:
    """Read a table of speech to predict: as `utterances`, but every row stays, and a label is not needed.

    Args:
        root: the table, or a folder that holds exactly one.
        columns: what a column of the manifest is called in this table, where it has another name.

    Raises:
        NotFound: there is no table.
        BadValue: more than one table, columns that are missing, or no row.
    """
    path = _table(root)
    table = read(path, columns)
    _check_columns(table, path, labelled=False)
    _check([], len(table.rows), path)
    rows = [_spoken(row, path) for row in table.rows]
    named = _ids.identified([row.utterance for row in rows], [row.number for row in table.rows], path)
    timed = [row for row in named.rows if row.start is not None or row.end is not None]
    segments, decided = are_cut(timed, lengths(path.parent, timed))
    spoken = tuple(replace(row, utterance=utterance) for row, utterance in zip(rows, named.rows, strict=True))
    missing = _missing.findings(named.rows, ("text",))
    return Unlabelled(spoken, frozenset(table.columns), path.parent, segments, (*table.findings, *missing, *decided))


def parse_columns(texts: Sequence[str]) -> dict[str, str]:
    """Read `label=emotion` texts: a column of the manifest, and what it is called in the table.

    Raises:
        BadValue: a text of another form, a column that the manifest does not have, or one that is named twice.
    """
    pairs = [(target.strip().lower(), source.strip()) for target, _, source in (text.partition("=") for text in texts)]
    for text, (target, source) in zip(texts, pairs, strict=True):
        if target not in COLUMNS or not source:
            raise BadValue(
                f"--column {text}: " + ("names no column of the table" if not source else f"there is no {target!r}"),
                expected=f"COLUMN=NAME, where COLUMN is one of {', '.join(COLUMNS)}",
                do="for example --column label=emotion",
            )
    for names in zip(*pairs, strict=True):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise BadValue(f"--column names {twice[0]!r} twice", got=", ".join(texts))
    return dict(pairs)


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
            do=f"rename the {'keys' if path.suffix.lower() in _OBJECTS else 'columns in its first row'}, "
            "or say what they are called: --column label=NAME",
        )


def _rows(rows: Sequence[Row], path: Path) -> list[Utterance]:
    """The rows as utterances, without an id where none is given; all that is wrong with any of them is said at once."""
    good: list[Utterance] = []
    problems: list[str] = []
    for row in rows:
        try:
            good.append(_utterance(row, path))
        except ValueError as error:
            problems.append(f"row {row.number} {error}")
    _check(problems, len(rows), path)
    return good


def _spoken(row: Row, path: Path) -> Spoken:
    try:
        return Spoken(_utterance(row, path))
    except ValueError as error:
        texts = {name: row.cells.get(name, "").strip() for name in ("id", "audio")}
        return Spoken(Utterance(texts["id"], _posix(texts["audio"], path.parent)), f"the row {error}")


def _utterance(row: Row, path: Path) -> Utterance:
    values: dict[str, object] = {"id": ""}
    if row.wrong:
        raise ValueError(row.wrong)
    for column, value in row.cells.items():
        if column in NUMBERS:
            values[column] = _number(column, value)
        elif column in COLUMNS:
            values[column] = value if column == "text" else value.strip()
    if not values.get("audio") and not str(values.get("text", "")).strip():
        raise ValueError("has neither audio nor text")
    values["audio"] = _posix(str(values.get("audio", "")), path.parent)
    found = Utterance(**values)  # type: ignore[arg-type]  # every column has its field's type
    if found.audio:
        check_times(found.start, found.end)
    return found


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


def _empty(table: Table) -> tuple[str, ...]:
    return tuple(f"row {row.number}" for row in table.rows if not any(row.cells.values()))


def _alike(found: Sequence[Utterance]) -> tuple[str, ...]:
    """Labels that are one but for case and space, each group as `Happy, happy`."""
    groups: dict[str, list[str]] = {}
    for label in dict.fromkeys(row.label for row in found):
        groups.setdefault("".join(label.split()).casefold(), []).append(label)
    return tuple(", ".join(labels) for labels in groups.values() if len(labels) > 1)


def _quoted(found: Sequence[Utterance]) -> tuple[str, ...]:
    return tuple(label for label in dict.fromkeys(row.label for row in found) if label.startswith('"'))


def _shared(found: Sequence[Utterance]) -> tuple[str, ...]:
    counts = Counter((row.audio, row.start, row.end) for row in found if row.audio)
    return tuple(dict.fromkeys(name for (name, _, _), count in counts.items() if count > 1))

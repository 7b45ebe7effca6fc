"""audformat databases: a folder with db.yaml, or the name of a database that the package audb downloads."""

import re
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurestore.corpora import CorpusCard, FindingList, Reading, write_clip
from featurestore.corpora._audformat_loading import download_database, load_database
from featurestore.corpora._named_rows import name_columns
from featurestore.corpora._partition_findings import find_shared
from featurestore.corpora._table_reading import read_utterances
from featurestore.errors import BadValue, quote

__all__ = ["CARD", "LAYOUT", "sample", "unpack", "utterances"]

LAYOUT = re.compile(r"db\.yaml|db\..+\.(csv|parquet)")

CARD = CorpusCard(
    title="A database in audformat",
    licence="that of the database: see license in its db.yaml",
    citation="that of the database: see its db.yaml",
    note="read from a database in audformat",
    own=True,
)

_NAME = re.compile(r"[\w.-]+(==[\w.-]+)?")
_EMOTION = re.compile(r"emotion|emo|emotional_state|affect|label")
# the usual names of schemes and columns
_USUAL = {
    "text": ("transcription", "transcript", "sentence"),
    "speaker": ("speaker_id", "spk"),
    "gender": ("sex",),
    "activation": ("arousal",),
}
_READ = ("text", "speaker", "gender", "session", "dialogue", "script", "valence", "activation", "dominance")
_PART = re.compile(r"(?<![a-z0-9])(train|dev|development|val|validation|valid|test)(?![a-z0-9])")
_IGNORED = "columns of the database, ignored"
_CONFLICT = "columns with several values for a clip, left empty"
_TWICE = "clips that several tables of labels have; the first label is kept"


def unpack(root: str, folder: Path) -> Path:
    """Return the folder of a database: the root itself, or that of audb's cache for the name of a database.

    Args:
        root: folder of a database, or the name of one, such as `emodb`, maybe with its version, `emodb==1.4.1`.
        folder: not used, because audb has a cache of its own.

    Raises:
        Unavailable: audb is not installed, or cannot download the database.
    """
    is_name = _NAME.fullmatch(root) and not Path(root).exists()
    return download_database(root) if is_name else Path(root)


def utterances(root: Path, columns: Mapping[str, str] | None = None) -> Reading:
    """Read one utterance per row of the tables of labels. A segment keeps its start and end.

    Args:
        root: folder with db.yaml.
        columns: name of a scheme or column for a column of the manifest. The label may be `TABLE.COLUMN`, where `*` in
            TABLE stands for the parts: `label=emotion.*.gold.emotion`.

    Raises:
        NotFound: there is no database.
        Unavailable: audformat is not installed.
        BadValue: the database cannot be read, no column or several columns may be the label, or rows cannot be used.
    """
    found = FindingList()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # audformat 1.4 calls pandas in ways that pandas 3 warns of
        rows = _read_rows(root, dict(columns or {}), found)
    reading = read_utterances(name_columns(root / "db.yaml", rows, {}, {}, found), segments=True)
    return replace(reading, findings=(*reading.findings, *find_shared(reading.utterances)))


def _read_rows(root: Path, given: dict[str, str], found: FindingList) -> list[dict[str, object]]:
    """Return the rows of the tables of labels, with what the database says about each."""
    database = load_database(root)
    tables = _choose_labels(database, root, given.pop("label", ""))
    labels = _read_labels(database, tables, found)
    wanted = {column: [given.get(column, column), *_USUAL.get(column, ())] for column in (*_READ, *given)}
    cells = {column: _read_column(database, labels, names, found) for column, names in wanted.items()}
    known = {column: values for column, values in cells.items() if _has_values(values)}
    if absent := [name for column, name in given.items() if column not in known]:
        raise BadValue(
            f"{root / 'db.yaml'} has no scheme or column {', '.join(absent)}",
            expected=f"one of {', '.join(_list_columns(database))}",
            do="name a scheme or a column: --column speaker=NAME",
        )
    found.add(_IGNORED, _list_ignored(database, tables, {name for names in wanted.values() for name in names}))
    return [
        {**row, **{column: values[number] for column, values in known.items()}}
        for number, row in enumerate(_to_rows(labels))
    ]


def _choose_labels(database: Any, root: Path, given: str) -> list[tuple[str, str]]:
    """Return each table and column that hold the label: that of the user, or the only one that is like an emotion."""
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for table in database.tables:
        for column in database.tables[table].columns:
            groups[f"{_PART.sub('*', table)}.{column}"].append((table, column))
    if given:
        same = [pair for name, pairs in groups.items() for pair in pairs if given in (name, ".".join(pair), pair[1])]
    else:
        groups = _find_emotions(database, groups)
        same = next(iter(groups.values())) if len(groups) == 1 else []
    if not same:
        raise BadValue(
            f"{root / 'db.yaml'} has {'several columns' if len(groups) > 1 else 'no column'} that may be the label"
            if not given
            else f"{root / 'db.yaml'} has no column {given}",
            expected="the table and column of the label",
            got=", ".join(groups or _list_columns(database)),
            do=f"name it: --column {quote('label=' + next(iter(groups), 'TABLE.COLUMN'))}",
        )
    return same


def _find_emotions(database: Any, groups: Mapping[str, list[tuple[str, str]]]) -> dict[str, list[tuple[str, str]]]:
    """Return the columns that are called or have a scheme called `emotion`, else those of a similar name."""

    def names(pairs: Sequence[tuple[str, str]]) -> list[str]:
        table, column = pairs[0]
        return [column, str(database.tables[table].columns[column].scheme_id)]

    usable = {name: pairs for name, pairs in groups.items() if not _is_number(database, *pairs[0])}
    exact = {name: pairs for name, pairs in usable.items() if "emotion" in names(pairs)}
    return exact or {
        name: pairs for name, pairs in usable.items() if any(_EMOTION.fullmatch(one) for one in names(pairs))
    }


def _is_number(database: Any, table: str, column: str) -> bool:
    scheme = database.schemes.get(database.tables[table].columns[column].scheme_id)
    return scheme is not None and scheme.dtype in ("int", "float", "bool", "time", "date")


def _list_columns(database: Any) -> list[str]:
    return [f"{table}.{column}" for table in database.tables for column in database.tables[table].columns]


def _list_ignored(database: Any, labels: Sequence[tuple[str, str]], names: set[str]) -> list[str]:
    """Return the columns that are neither the label nor read under one of the names."""
    schemes = {
        (table, column): database.tables[table].columns[column].scheme_id
        for table in database.tables
        for column in database.tables[table].columns
    }
    unread = [pair for pair, scheme in schemes.items() if pair not in labels and names.isdisjoint({pair[1], scheme})]
    return [".".join(pair) for pair in unread]


def _read_labels(database: Any, tables: Sequence[tuple[str, str]], found: FindingList) -> Any:
    """Return a data frame with a segmented index, and the columns `label` and `partition`."""
    import audformat
    import pandas as pd

    parts = []
    for table, column in tables:
        values = database.tables[table].get()[[column]].set_axis(["label"], axis="columns").astype(object)
        values.index = audformat.utils.to_segmented_index(values.index)
        values["partition"] = _find_partition(database, table, several=len(tables) > 1)
        parts.append(values)
    every = pd.concat(parts)
    twice = every.index.duplicated()
    found.add(_TWICE, dict.fromkeys(every.index[twice].get_level_values("file")))
    return every[~twice]


def _find_partition(database: Any, table: str, *, several: bool) -> str:
    """Return the type of the split of a table, else the part in its name."""
    split = database.splits.get(database.tables[table].split_id)
    if split is not None:
        return str(split.type)
    match = _PART.search(table)
    return match[1] if match and several else ""


def _read_column(database: Any, labels: Any, names: Sequence[str], found: FindingList) -> list[object]:
    """Return a value, or None, for each row of the labels, from the first name that the database has."""
    for name in names:
        try:
            series = database.get(name).get(name)
        except (ValueError, TypeError):  # tables that contradict each other
            found.add(_CONFLICT, [name])
            continue
        if series is not None and len(series):
            return _align(series, labels)
    return [None] * len(labels)


def _has_values(values: Sequence[object]) -> bool:
    return any(value is not None for value in values)


def _align(series: Any, labels: Any) -> list[object]:
    """Return the value of each segment: its own, else that of its file."""
    import audformat
    import pandas as pd

    by_file = series.to_dict() if audformat.is_filewise_index(series) else {}
    by_segment = series.set_axis(audformat.utils.to_segmented_index(series.index)).to_dict()
    values = (by_segment.get(key, by_file.get(key[0])) for key in labels.index)
    return [None if pd.isna(value) else value for value in values]


def _to_rows(labels: Any) -> Iterator[dict[str, object]]:
    """Yield file, start, end, label and partition. A whole file has neither start nor end."""
    import pandas as pd

    for (file, start, end), label, partition in zip(labels.index, labels["label"], labels["partition"], strict=True):
        is_whole = pd.isna(end) and not start
        times = {
            name: None if pd.isna(time) or is_whole else time.total_seconds()
            for name, time in (("start", start), ("end", end))
        }
        yield {"audio": file, "label": None if pd.isna(label) else label, "partition": partition, **times}


def sample(folder: Path) -> None:
    """Write a database with clips of noise: two labels, three speakers, twelve rows in two tables."""
    import audformat

    database = audformat.Database("calls", license="CC0-1.0")
    genders = {"s0": {"gender": "female"}, "s1": {"gender": "male"}, "s2": {"gender": "female"}}
    database.schemes["emotion"] = audformat.Scheme(labels=["calm", "cross"])
    database.schemes["speaker"] = audformat.Scheme(labels=genders)
    files = [f"audio/{number:02}.wav" for number in range(12)]
    for number, file in enumerate(files):
        write_clip(folder / file, number)
    for part, own in (("train", files[:6]), ("test", files[6:])):
        database.splits[part] = audformat.Split(part)
        table = database[f"emotion.{part}"] = audformat.Table(audformat.filewise_index(own), split_id=part)
        for scheme, values in (("emotion", ("calm", "cross")), ("speaker", tuple(genders))):
            table[scheme] = audformat.Column(scheme_id=scheme)
            table[scheme].set([values[int(Path(file).stem) % len(values)] for file in own])
    database.save(str(folder))

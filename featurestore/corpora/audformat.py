"""audformat databases: a folder with db.yaml, or the name of a database that the package audb downloads."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from featurestore.corpora import CorpusCard, FindingList, Reading, write_clip
from featurestore.corpora._audformat_labels import choose_labels, find_partition, list_columns, list_unread
from featurestore.corpora._audformat_loading import download_database, load_database
from featurestore.errors import BadValue
from featurestore.tables.table_reading import read_named_rows

CARD = CorpusCard(
    title="A database in audformat",
    licence="that of the database: see license in its db.yaml",
    citation="that of the database: see its db.yaml",
    note="read from a database in audformat",
    own=True,
)
LAYOUT = re.compile(r"db\.yaml|db\..+\.(csv|parquet)")
_NAME = re.compile(r"[\w.-]+(==[\w.-]+)?")
# the usual names of schemes and columns
_USUAL = {
    "text": ("transcription", "transcript", "sentence"),
    "speaker": ("speaker_id", "spk"),
    "gender": ("sex",),
    "activation": ("arousal",),
}
_READ = ("text", "speaker", "gender", "session", "dialogue", "script", "valence", "activation", "dominance")
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
    return read_named_rows(root / "db.yaml", rows, {}, {}, found, segments=True)


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


def _read_rows(root: Path, given: dict[str, str], found: FindingList) -> list[dict[str, object]]:
    """Return the rows of the tables of labels, with what the database says about each."""
    database = load_database(root)
    tables = choose_labels(database, root, given.pop("label", ""))
    labels = _read_labels(database, tables, found)
    wanted = {column: [given.get(column, column), *_USUAL.get(column, ())] for column in (*_READ, *given)}
    cells = {column: _read_column(database, labels, names, found) for column, names in wanted.items()}
    known = {column: values for column, values in cells.items() if _has_values(values)}
    if absent := [name for column, name in given.items() if column not in known]:
        raise BadValue(
            f"{root / 'db.yaml'} has no scheme or column {', '.join(absent)}",
            expected=f"one of {', '.join(list_columns(database))}",
            do="name a scheme or a column: --column speaker=NAME",
        )
    found.add(_IGNORED, list_unread(database, tables, {name for names in wanted.values() for name in names}))
    return [
        {**row, **{column: values[number] for column, values in known.items()}}
        for number, row in enumerate(_to_rows(labels))
    ]


def _read_labels(database: Any, tables: Sequence[tuple[str, str]], found: FindingList) -> Any:
    """Return a data frame with a segmented index, and the columns `label` and `partition`."""
    import audformat
    import pandas as pd

    parts = []
    for table, column in tables:
        values = database.tables[table].get()[[column]].set_axis(["label"], axis="columns").astype(object)
        values.index = audformat.utils.to_segmented_index(values.index)
        values["partition"] = find_partition(database, table, several=len(tables) > 1)
        parts.append(values)
    every = pd.concat(parts)
    twice = every.index.duplicated()
    found.add(_TWICE, dict.fromkeys(every.index[twice].get_level_values("file")))
    return every[~twice]


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

    known = series.dropna()
    own = known.set_axis(audformat.utils.to_segmented_index(known.index)).to_dict()
    by_file = {file: value for (file, start, end), value in own.items() if not start and pd.isna(end)}
    values = (own.get(key, by_file.get(key[0])) for key in labels.index)
    return list(values)


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

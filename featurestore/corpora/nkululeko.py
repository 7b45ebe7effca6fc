"""nkululeko's tables: CSV with file, start and end, emotion, speaker and gender, one file or one per part."""

import re
from collections.abc import Mapping
from pathlib import Path

from featurestore.corpora import CorpusCard, FindingList, Reading, read_rows, write_clip, write_lines
from featurestore.errors import BadValue, NotFound, quote
from featurestore.tables.clip_places import locate_clips
from featurestore.tables.list_parts import join_parts
from featurestore.tables.table_reading import read_named_rows

CARD = CorpusCard(
    title="A database of nkululeko",
    licence="that of the data",
    citation="that of the data",
    note="read from tables of nkululeko",
    own=True,
)
_PART = re.compile(r"(.+)_(train|dev|val|valid|validation|test)", re.I)
_USUAL = {
    "audio": ("file",),
    "label": ("emotion",),
    "text": ("transcription", "utterance"),
    "speaker": ("speakers", "speaker_id"),
    "gender": ("sex",),
    "activation": ("arousal",),
    "partition": ("split",),
    "dialogue": ("dialogue_id",),
}
_WHOLE = "tables of all parts, ignored, because the parts are read"
_ABSENT = "parts that have no table"
_LEFT_OUT = "files of the table of all parts that no part has, ignored"


def utterances(root: Path, columns: Mapping[str, str] | None = None) -> Reading:
    """Read a table, or all parts of one, one utterance per row.

    Args:
        root: the table, or a folder that holds it or its parts: `NAME_train.csv`, `NAME_dev.csv`, `NAME_test.csv`.
        columns: name of a manifest column in the table, if it is not the same.

    Raises:
        NotFound: there is no table.
        BadValue: there are several databases, there are no labels, or rows cannot be used.
        Mismatch: a table has no column `file`.
    """
    found = FindingList()
    folder = root if root.is_dir() else root.parent
    tables = _find_tables(root)
    parts = _read_parts(tables, found)
    names = [_split_name(name)[1] for name in parts]
    found.add(_ABSENT, [part for part in ("train", "test") if root.is_dir() and any(names) and part not in names])
    if len(parts) > 1:
        parts = {_split_name(name)[1]: rows for name, rows in parts.items()}
    places = locate_clips(folder, (row["file"] for rows in parts.values() for row in rows))
    rows = [{**row, "file": places.get(str(row["file"]), "")} for row in join_parts(parts, found)]
    return read_named_rows(tables[0], rows, _USUAL, columns, found, segments=True)


def sample(folder: Path) -> None:
    """Write the tables of two parts with clips of noise: two labels, four speakers, sixteen rows."""
    for part, first in (("train", 0), ("test", 2)):
        lines = ["file,start,end,emotion,speaker,gender"]
        for number in range(8):
            name = f"audio/{part}-{number}.wav"
            write_clip(folder / name, 200 + number)
            times = f"0 days 00:00:00,0 days 00:00:00.{20 + number}"
            gender = ("female", "male")[number % 2]
            lines.append(f"{name},{times},{('calm', 'cross')[number // 2 % 2]},s{first + number % 2},{gender}")
        write_lines(folder / f"calls_{part}.csv", lines)


def _find_tables(root: Path) -> list[Path]:
    """Return the table or the tables of one database."""
    if root.is_file():
        return [root]
    tables = [path for path in sorted(root.glob("*.csv")) if path.is_file() and not path.name.startswith(".")]
    if not tables:
        raise NotFound(
            f"{root} holds no table of nkululeko",
            expected="a CSV file with the column file, or a folder that holds one",
            do="give the path of the table",
        )
    names = {_split_name(path.stem)[0] for path in tables}
    if len(names) > 1:
        raise BadValue(
            f"{root} holds the tables of {len(names)} databases",
            expected="one",
            got=", ".join(path.name for path in tables),
            do=f"give one of them: cli prepare nkululeko {quote(tables[0])}; or move the parts of one to a folder",
        )
    return tables


def _read_parts(tables: list[Path], found: FindingList) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each table by its name, without the table of all parts if there are parts."""
    parts = {path.stem: _read(path, found) for path in tables}
    if whole := _find_whole(tables):
        rows = parts.pop(whole.stem)
        listed = {row["file"] for own in parts.values() for row in own}
        found.add(_WHOLE, [whole.name])
        found.add(_LEFT_OUT, [row["file"] for row in rows if row["file"] not in listed])
    return parts


def _split_name(stem: str) -> tuple[str, str]:
    """Return the name of the database and that of the part, which is empty for the whole table."""
    match = _PART.fullmatch(stem)
    return (match[1], match[2].lower()) if match else (stem, "")


def _find_whole(tables: list[Path]) -> Path | None:
    """Return the table of all parts, if there are parts beside it."""
    return next((path for path in tables if len(tables) > 1 and not _split_name(path.stem)[1]), None)


def _read(path: Path, found: FindingList) -> list[dict[str, str]]:
    return [_to_seconds(row) for row in read_rows(path, ["file"], found)]


def _to_seconds(row: dict[str, str]) -> dict[str, str]:
    """Return a row with its times in seconds: pandas writes them as `0 days 00:00:01.5`."""
    return {name: _parse_time(value) if name in ("start", "end") else value for name, value in row.items()}


def _parse_time(text: str) -> str:
    import pandas as pd

    if text in ("", "NaT"):
        return ""
    try:
        return text if text.replace(".", "", 1).isdigit() else str(pd.Timedelta(text).total_seconds())
    except ValueError:
        return text  # reported as no number

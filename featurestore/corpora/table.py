"""A table of your own: CSV, TSV or JSON lines with `audio` or `text`, `label`, and any other manifest columns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from featurestore.corpora import CorpusCard, Finding, Reading
from featurestore.manifest import Utterance
from featurestore.releases.clip_lengths import read_lengths
from featurestore.tables.columns import parse_columns
from featurestore.tables.segments import detect_segments
from featurestore.tables.table_file import TableRow, read_table
from featurestore.tables.table_findings import find_missing_values
from featurestore.tables.table_ids import assign_ids
from featurestore.tables.table_reading import read_utterances
from featurestore.tables.table_rows import check_not_empty, normalize_path, to_utterance

__all__ = ["CARD", "UnlabelledRow", "UnlabelledTable", "parse_columns", "read_for_prediction", "sample", "utterances"]

CARD = CorpusCard(
    title="A table of your own: CSV, TSV or JSON lines",
    licence="that of your own data",
    citation="that of your own data",
    note="read from a table of your own",
    own=True,
)


@dataclass(frozen=True)
class UnlabelledRow:
    """A row of a table to predict, or the reason why it cannot be predicted."""

    utterance: Utterance
    reason: str = ""


@dataclass(frozen=True)
class UnlabelledTable:
    """A table to predict.

    Args:
        rows: in the order of the table.
        columns: the manifest columns that it has.
        header: its columns, as the file calls them.
        folder: folder that `audio` is relative to.
        segments: whether `start` and `end` select a segment of `audio`.
        findings: every irregularity.
    """

    rows: tuple[UnlabelledRow, ...]
    columns: frozenset[str]
    header: tuple[str, ...]
    folder: Path
    segments: bool
    findings: tuple[Finding, ...]


def utterances(root: Path, columns: Mapping[str, str] | None = None) -> Reading:
    """Read a table, one utterance per row and in its order.

    Args:
        root: the table, or a folder that holds exactly one. `audio` is absolute or relative to the table's folder.
        columns: name of a manifest column in this table, if it is not the same.

    Raises:
        NotFound: there is no table.
        BadValue: there are several tables, columns are missing, or rows cannot be used; the message lists them.
    """
    return read_utterances(read_table(root, columns))


def sample(folder: Path) -> None:
    """Write a small table with clips of noise: two labels, three speakers, twelve rows."""
    import numpy as np
    import soundfile

    random = np.random.default_rng(0)
    lines = ["id,audio,text,label,speaker,gender"]
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    for number in range(12):
        label, (speaker, gender) = ("calm", "cross")[number % 2], ("aF", "bM", "cF")[number % 3]
        noise = random.normal(0, 0.1, 1600 + 160 * number).astype(np.float32)
        soundfile.write(folder / "clips" / f"{number:02}.wav", noise, 16_000)
        lines.append(f"call-{number},clips/{number:02}.wav,Line {number}.,{label},{speaker},{gender}")
    (folder / "calls.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def read_for_prediction(root: Path, columns: Mapping[str, str] | None = None) -> UnlabelledTable:
    """Read a table to predict, which needs no label and keeps every row.

    Args:
        root: as for `utterances`.
        columns: as for `utterances`.

    Raises:
        NotFound: there is no table.
        BadValue: there are several tables, columns are missing, or there are no rows.
    """
    table = read_table(root, columns, labelled=False)
    check_not_empty(table.rows, table.path)
    rows = [_to_unlabelled_row(row, table.path) for row in table.rows]
    identified = assign_ids([row.utterance for row in rows], [row.number for row in table.rows], table.path).rows
    timed = [row for row in identified if row.start is not None or row.end is not None]
    segments, not_cut = detect_segments(timed, read_lengths(table.path.parent, timed))
    return UnlabelledTable(
        rows=tuple(replace(row, utterance=utterance) for row, utterance in zip(rows, identified, strict=True)),
        columns=frozenset(table.columns),
        header=tuple(table.header),
        folder=table.path.parent,
        segments=segments,
        findings=(*table.findings, *find_missing_values(identified, ("text",)), *not_cut),
    )


def _to_unlabelled_row(row: TableRow, path: Path) -> UnlabelledRow:
    try:
        return UnlabelledRow(to_utterance(row, path))
    except ValueError as error:
        utterance_id, audio = (row.cells.get(column, "").strip() for column in ("id", "audio"))
        return UnlabelledRow(Utterance(utterance_id, normalize_path(audio, path.parent)), f"the row {error}")

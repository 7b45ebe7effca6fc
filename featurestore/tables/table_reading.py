"""Turn a table into the reading of a corpus, wherever its rows come from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from featurestore.releases.clip_lengths import read_lengths, set_durations
from featurestore.releases.finding_list import FindingList
from featurestore.releases.partition_findings import find_shared
from featurestore.releases.reading import Reading
from featurestore.tables.named_rows import RawRow, UsualNames, name_columns
from featurestore.tables.segments import detect_segments
from featurestore.tables.table_file import TableFile
from featurestore.tables.table_findings import find_in_table
from featurestore.tables.table_ids import assign_ids
from featurestore.tables.table_rows import to_utterances


def read_named_rows(
    path: Path,
    rows: Sequence[RawRow],
    usual: UsualNames,
    columns: Mapping[str, str] | None,
    found: FindingList,
    *,
    segments: bool = False,
) -> Reading:
    """Return one utterance per row of another format, and report what training and test share.

    Args:
        path: the file that the rows are from; `audio` is relative to its folder.
        rows: values by the format's own names, in order.
        usual: the format's usual names of a manifest column, the most usual one first.
        columns: the names that the user gives, by manifest column.
        found: what has been found until now.
        segments: whether `start` and `end` are known to select a segment of the clip. If not, their values decide.

    Raises:
        BadValue: there are no rows, columns are missing, or rows cannot be used; the message lists them.
    """
    reading = read_utterances(name_columns(path, rows, usual, columns, found), segments=segments)
    return replace(reading, findings=(*reading.findings, *find_shared(reading.utterances)))


def read_utterances(table: TableFile, *, segments: bool = False) -> Reading:
    """Return one utterance per row, in the order of the rows.

    Args:
        table: the rows. `audio` is absolute or relative to the folder of its path.
        segments: whether `start` and `end` are known to select a segment of the clip. If not, their values decide.

    Raises:
        BadValue: there are no rows, or rows cannot be used; the message lists them.
    """
    folder = table.path.parent
    filled = [row for row in table.rows if any(row.cells.values())]
    identified = assign_ids(to_utterances(filled, table.path), [row.number for row in filled], table.path)
    lengths = read_lengths(folder, identified.rows)
    are_cut, not_cut = detect_segments(identified.rows, lengths)
    if segments:
        are_cut, not_cut = any(row.start is not None or row.end is not None for row in identified.rows), ()
    complete, clips = set_durations(folder, identified.rows, lengths=lengths, segments=are_cut)
    findings = (*table.findings, *identified.findings, *find_in_table(table, complete), *not_cut, *clips)
    return Reading(complete, findings, identified.origin, are_cut, identified.made_up)

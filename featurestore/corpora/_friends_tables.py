"""Read the label files of corpora of the series Friends: one table per partition, one row per turn."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from featurestore.corpora._finding_list import FindingList
from featurestore.corpora._label_tables import read_rows
from featurestore.corpora._listed_utterances import find_label_file
from featurestore.corpora._release_files import ReleaseFiles

_LEADS = {
    **dict.fromkeys(("Chandler", "Chandler Bing", "Joey", "Joey Tribbiani", "Ross", "Ross Geller"), "M"),
    **dict.fromkeys(("Monica", "Monica Geller", "Phoebe", "Phoebe Buffay", "Rachel", "Rachel Green"), "F"),
}
_TIME = re.compile(r"(?P<hours>\d+):(?P<minutes>\d\d?):(?P<seconds>\d\d?(?:[.,]\d+)?)")


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
        path = find_label_file(files, [name], found)
        found.add("missing label files: their partitions are left out", [] if path else [name])
        rows = read_rows(files.root / path, columns, found) if path else []
        for number, row in enumerate(rows, 1):
            yield partition, row, f"{Path(path).name}, utterance {number}"


def has_tables(files: ReleaseFiles, names: Mapping[str, str]) -> bool:
    """Return whether a release has the table of any partition."""
    return any(files.find_named(name) for name in names.values())


def parse_time(text: str) -> float | None:
    """Return a time of an episode in seconds, or None if the text is not one.

    >>> parse_time("0:36:59,425"), parse_time("00:00:03.795"), parse_time("")
    (2219.425, 3.795, None)
    """
    match = _TIME.fullmatch(text)
    if not match:
        return None
    seconds = 3600 * int(match["hours"]) + 60 * int(match["minutes"]) + float(match["seconds"].replace(",", "."))
    return round(seconds, 3)


def find_gender(speaker: str) -> str:
    """Return the gender of one of the six leads, or an empty text."""
    return _LEADS.get(speaker, "")


def name_episode(row: Mapping[str, str]) -> str:
    """Return season and episode of a turn, such as `s08e21`."""
    return f"s{row['Season']:0>2}e{row['Episode']:0>2}"

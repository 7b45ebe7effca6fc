"""Read the label files of corpora that have one per partition."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from featurestore.releases.finding_list import FindingList
from featurestore.releases.label_tables import read_rows
from featurestore.releases.listed_utterances import find_label_file
from featurestore.releases.release_files import ReleaseFiles


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

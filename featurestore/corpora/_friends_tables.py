"""Read the label files of corpora of the series Friends: one table per partition, one row per turn."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from featurestore.manifest import Utterance
from featurestore.releases.finding_list import FindingList
from featurestore.releases.label_tables import has_tables, read_tables
from featurestore.releases.listed_utterances import build_reading
from featurestore.releases.named_clips import refuse_release
from featurestore.releases.reading import CorpusCard, Reading
from featurestore.releases.release_files import ReleaseFiles, get_stem
from featurestore.releases.turn_order import keep_turn_order

_LEADS = {
    **dict.fromkeys(("Chandler", "Chandler Bing", "Joey", "Joey Tribbiani", "Ross", "Ross Geller"), "M"),
    **dict.fromkeys(("Monica", "Monica Geller", "Phoebe", "Phoebe Buffay", "Rachel", "Rachel Green"), "F"),
}
_SEVERAL = re.compile(r".+ and .+|all|both", re.IGNORECASE)
_TIME = re.compile(r"(?P<hours>\d+):(?P<minutes>\d\d?):(?P<seconds>\d\d?(?:[.,]\d+)?)")


def read_series(
    root: Path,
    card: CorpusCard,
    tables: Mapping[str, str],
    columns: Sequence[str],
    numbers: Sequence[str],
    to_utterance: Callable[[str, Mapping[str, str]], Utterance],
    to_id: Callable[[str], str] = get_stem,
) -> Reading:
    """Read a release, one utterance per row of its tables.

    Args:
        root: folder of the release.
        card: of the corpus.
        tables: name of the table of each partition.
        columns: that every table must have.
        numbers: columns that identify a turn; rows without a number there are reported and left out.
        to_utterance: returns the utterance for a partition and a row.
        to_id: returns the id that the path of a clip stands for.

    Raises:
        NotFound: there is no table, or one cannot be read.
        Mismatch: a column is missing, or a table cannot be parsed.
    """
    found = FindingList()
    files = ReleaseFiles(root, found)
    if not has_tables(files, tables):
        raise refuse_release(root, card, tables["train"])
    rows: list[Utterance] = []
    for partition, row, place in read_tables(files, tables, columns, found):
        if all(row[column].isdecimal() for column in numbers):
            rows.append(to_utterance(partition, row))
        else:
            found.add(f"rows without a number as {', '.join(numbers)}, ignored", [place])
    rows = keep_turn_order(rows, found)
    found.add("turns of several speakers at once", (row.id for row in rows if _SEVERAL.fullmatch(row.speaker)))
    return build_reading(files, rows, card, found, to_id=to_id)


def join_speakers(names: Iterable[str]) -> str:
    """Return several speakers as one, as MELD names them."""
    return " and ".join(names)


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

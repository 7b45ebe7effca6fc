"""Read the transcripts of CMU-MOSEI: one text file per video, one line per segment."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from featurestore.corpora._clip_texts import find_text_files, read_lines, report_without_text
from featurestore.corpora._finding_list import FindingList
from featurestore.corpora._label_tables import parse_number
from featurestore.corpora._release_files import ReleaseFiles
from featurestore.manifest import Utterance

_SEPARATOR = "___"  # VIDEO___number___start___end___words
_UNREAD = "lines of transcripts that cannot be read, ignored"


def read_segment_texts(files: ReleaseFiles, rows: Sequence[Utterance], found: FindingList) -> dict[str, str]:
    """Read the words of each segment.

    Segments are found by their times, because their numbers are not those of the label file.

    Args:
        files: of the release.
        rows: the segments, with the video as dialogue and with their times.
        found: receives the findings.

    Returns:
        The words by id.
    """
    ids = {(row.dialogue, row.start, row.end): row.id for row in rows}
    texts: dict[str, str] = {}
    for path, video in find_text_files(files, {row.dialogue for row in rows}):
        for start, end, text in _list_segments(files, path, found):
            if utterance_id := ids.get((video, start, end)):
                texts.setdefault(utterance_id, text)
    report_without_text([row.id for row in rows], texts, found)
    return texts


def _list_segments(files: ReleaseFiles, path: str, found: FindingList) -> Iterator[tuple[float, float, str]]:
    video = len(PurePosixPath(path).stem)
    for number, line in enumerate(read_lines(files, path, found), 1):
        # a video's name may end in _, and the words may hold the separator
        cells = line[video:].split(_SEPARATOR, 4)
        start, end = (parse_number(cell) for cell in (cells + ["", ""])[2:4])
        if len(cells) == 5 and start is not None and end is not None:
            yield start, end, " ".join(cells[4].split())
        elif line.strip():
            found.add(_UNREAD, [f"{path}:{number}"])

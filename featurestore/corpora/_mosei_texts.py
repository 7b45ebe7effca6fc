"""Read the transcripts of CMU-MOSEI: one text file per video, one line per segment."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from featurestore.manifest import Utterance
from featurestore.releases.clip_texts import find_text_files, report_without_text
from featurestore.releases.finding_list import FindingList
from featurestore.releases.label_files import read_text
from featurestore.releases.release_files import ReleaseFiles

_N = r"\d+(?:\.\d+)?"
_SEGMENT = re.compile(rf"___\d+___(?P<start>{_N})___(?P<end>{_N})___(?P<words>.*)")  # after the name of the video
_UNREAD = "lines of transcripts that cannot be read, ignored"


def read_segment_texts(files: ReleaseFiles, rows: Sequence[Utterance], found: FindingList) -> dict[str, str]:
    """Read the words of each segment.

    Segments are found by their times, because the numbers of the label file need not be those of the transcripts.

    Args:
        files: of the release.
        rows: the segments, with the video as dialogue and with their times.
        found: receives the findings.

    Returns:
        The words by id.
    """
    ids = {(row.dialogue, _round(row.start), _round(row.end)): row.id for row in rows}
    texts: dict[str, str] = {}
    for path, video in find_text_files(files, {row.dialogue for row in rows}):
        for start, end, text in _list_segments(files, path, found):
            if utterance_id := ids.get((video, _round(start), _round(end))):
                texts.setdefault(utterance_id, text)
    report_without_text([row.id for row in rows], texts, found)
    return texts


def _list_segments(files: ReleaseFiles, path: str, found: FindingList) -> Iterator[tuple[float, float, str]]:
    video = len(PurePosixPath(path).stem)  # whose name may end in _
    for number, line in enumerate(read_text(files, path, found).split("\n"), 1):
        if match := _SEGMENT.fullmatch(line[video:].strip()):
            yield float(match["start"]), float(match["end"]), " ".join(match["words"].split())
        elif line.strip():
            found.add(_UNREAD, [f"{path}:{number}"])


def _round(seconds: float | None) -> float | None:
    """Round a time, because copies keep a different number of digits."""
    return None if seconds is None else round(seconds, 2)

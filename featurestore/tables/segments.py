"""Decide whether the `start` and `end` of a table select segments of its clips."""

from collections.abc import Mapping, Sequence

from featurestore.manifest import Utterance
from featurestore.releases.clip_lengths import TOLERANCE, ClipLength
from featurestore.releases.reading import Finding

_LENGTH_TOLERANCE = 0.1  # seconds between the length of a clip and end - start
_NEARLY_ALL = 0.9  # share of the clips
_CUT_ALREADY = (
    "clips as long as end - start, with an end beyond the clip; start and end are read as times in another "
    "recording, not as segments"
)
_MOST = 0.5  # share of the clips
_STARTS_ELSEWHERE = (
    "start beyond the end of a clip that is one row's alone, and no row has an end; start is read as a time in another "
    "recording, such as the dialogue, not as a segment"
)


def check_times(start: float | None, end: float | None) -> None:
    """Raise ValueError unless 0 <= start < end, either of which may be None."""
    if start is not None and start < 0:
        raise ValueError(f"starts at {start:g} s, before its clip")
    if end is not None and end <= (start or 0.0):
        raise ValueError(f"ends at {end:g} s, not after its start at {start or 0.0:g} s")


def detect_segments(rows: Sequence[Utterance], lengths: Mapping[str, ClipLength]) -> tuple[bool, tuple[Finding, ...]]:
    """Decide whether `start` and `end` select segments of the clips of a table.

    They do not if nearly every clip is as long as its row's end - start and some of these ends lie beyond the clip, or
    if there are only starts, each row has a clip of its own, and most starts above 0 lie beyond it. Such clips were cut
    out of a longer recording, and the times are those in the recording.

    Args:
        rows: the table.
        lengths: length of each clip, by `audio`.

    Returns:
        Whether they select segments, and a finding if they do not.
    """
    timed = [row for row in rows if row.audio and (row.start is not None or row.end is not None)]
    spans = [
        (row, (row.end or 0.0) - (row.start or 0.0), seconds)
        for row in timed
        if row.end is not None and (seconds := lengths[row.audio].seconds) is not None
    ]
    matching = [(row, seconds) for row, span, seconds in spans if abs(span - seconds) <= _LENGTH_TOLERANCE]
    beyond = [row for row, seconds in matching if (row.end or 0.0) > seconds + TOLERANCE]
    if beyond and len(matching) >= _NEARLY_ALL * len(spans):
        return False, (Finding(_CUT_ALREADY, tuple(row.id for row in beyond)),)
    if started := _find_starts_elsewhere(timed, lengths):
        return False, (Finding(_STARTS_ELSEWHERE, tuple(row.id for row in started)),)
    return bool(timed), ()


def _find_starts_elsewhere(timed: Sequence[Utterance], lengths: Mapping[str, ClipLength]) -> list[Utterance]:
    """Find the rows that start beyond their clip, if most do, none has an end and no two have the same clip.

    Starts at 0, which are those of a clip and of a dialogue, are not counted.
    """
    known = [(row, seconds) for row in timed if row.start and (seconds := lengths[row.audio].seconds) is not None]
    beyond = [row for row, seconds in known if (row.start or 0.0) >= seconds]
    alone = len({row.audio for row in timed}) == len(timed)
    is_elsewhere = alone and all(row.end is None for row in timed) and len(beyond) > _MOST * len(known)
    return beyond if is_elsewhere else []

"""Read the length of every clip from its header, and report clips that are missing, unusable or of another length."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from featurestore.errors import Unencodable
from featurestore.manifest import Utterance
from featurestore.releases.reading import Finding

TOLERANCE = 0.05  # seconds that a time in a table may be off, by rounding or the padding of an MP3
_MISSING = "utterances whose audio file is missing, kept without a duration"
_UNUSABLE = "utterances whose audio file cannot be used, kept without a duration"
_DIFFERENT = "utterances whose clip has another length than given; the length of the clip is used"
_STREAMS = "utterances whose video holds several audio streams; the first one is read"
_BEYOND = "segments that end beyond the end of their clip (start and end are seconds), kept without a duration"


@dataclass(frozen=True)
class ClipLength:
    """Length of a clip in seconds, or None and the reason; the reason is empty if the file is missing.

    `streams` counts its audio streams.
    """

    seconds: float | None
    reason: str = ""
    streams: int = 1


def read_lengths(root: Path, utterances: Sequence[Utterance]) -> dict[str, ClipLength]:
    """Read the header of every clip once.

    Args:
        root: folder that `audio` is relative to.
        utterances: the rows; several may share a clip.

    Returns:
        Length by `audio`.
    """
    return {audio: _read_length(root / audio) for audio in dict.fromkeys(row.audio for row in utterances) if audio}


def set_durations(
    root: Path,
    utterances: Sequence[Utterance],
    *,
    lengths: Mapping[str, ClipLength] | None = None,
    segments: bool = False,
) -> tuple[tuple[Utterance, ...], tuple[Finding, ...]]:
    """Set the `duration` of each utterance to that of its clip or segment.

    Args:
        root: folder that `audio` is relative to.
        utterances: the rows.
        lengths: lengths that have been read already.
        segments: whether `start` and `end` select a segment of the clip.

    Returns:
        All rows, and a finding for each kind of irregularity.
    """
    lengths = read_lengths(root, utterances) if lengths is None else lengths
    rows: list[Utterance] = []
    found: dict[str, list[str]] = {what: [] for what in (_MISSING, _UNUSABLE, _STREAMS, _BEYOND, _DIFFERENT)}
    for row in utterances:
        if row.audio:
            duration = _measure(row, lengths[row.audio], segments, found)
            if duration is not None and row.duration is not None and abs(row.duration - duration) > TOLERANCE:
                found[_DIFFERENT].append(f"{row.id}: {row.duration:g} s, the clip {duration:.3f} s")
            row = replace(row, duration=duration)
        rows.append(row)
    return tuple(rows), tuple(Finding(what, tuple(where)) for what, where in found.items() if where)


def _measure(row: Utterance, length: ClipLength, segments: bool, found: Mapping[str, list[str]]) -> float | None:
    """Return the duration of a row in seconds, or add a finding and return None."""
    if length.seconds is None:
        found[_UNUSABLE if length.reason else _MISSING].append(f"{row.id}: {length.reason}".removesuffix(": "))
        return None
    if length.streams > 1:
        found[_STREAMS].append(f"{row.id}: {length.streams} streams")
    if not segments or (row.start is None and row.end is None):
        return length.seconds
    start, end = row.start or 0.0, length.seconds if row.end is None else row.end
    if end > length.seconds + TOLERANCE or start >= length.seconds:
        found[_BEYOND].append(f"{row.id}: {start:g} to {end:g} s of {length.seconds:.3f} s")
        return None
    return round(min(end, length.seconds) - start, 9)  # 9.8 - 9.7 is not 0.1 in floating point


def _read_length(path: Path) -> ClipLength:
    from featurestore.audio import decode

    try:
        probe = decode.probe(path)
        return ClipLength(probe.seconds, streams=probe.streams)
    except Unencodable as reason:
        exists = os.path.exists(path)  # Path.exists raises if a name is too long
        return ClipLength(None, str(reason) if exists else "")

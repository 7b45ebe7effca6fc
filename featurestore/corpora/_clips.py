"""The length of every clip, from its header; clips that have none, or not the one given, are reported."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from featurestore.corpora import Finding
from featurestore.errors import Unencodable
from featurestore.manifest import Utterance

APART = 0.05  # seconds that a time from a table may be off, by rounding or the padding of an MP3
_MISSING = "turns whose audio file is missing; they stay, without a duration"
_UNUSABLE = "turns whose audio file cannot be used; they stay, without a duration"
_DIFFERENT = "turns whose clip is not as long as given; the clip's own length is taken"
_BEYOND = "segments that reach beyond the end of their clip (start and end are seconds); they stay, without a duration"


@dataclass(frozen=True)
class Length:
    """The length of a clip in seconds; None where it has none, with the reason (empty: there is no such file)."""

    seconds: float | None
    reason: str = ""


def lengths(root: Path, utterances: Sequence[Utterance]) -> dict[str, Length]:
    """Look at the header of every clip, once however many rows have it.

    Args:
        root: the folder that `audio` is relative to.
        utterances: the rows.

    Returns:
        the length by `audio`.
    """
    return {name: _length(root / name) for name in dict.fromkeys(row.audio for row in utterances) if name}


def measured(
    root: Path,
    utterances: Sequence[Utterance],
    *,
    known: Mapping[str, Length] | None = None,
    segments: bool = False,
) -> tuple[tuple[Utterance, ...], tuple[Finding, ...]]:
    """Set the `duration` of each utterance to what its clip has, not to one that was given; every row stays.

    Args:
        root: the folder that `audio` is relative to.
        utterances: the rows.
        known: lengths that were looked at before.
        segments: whether `start` and `end` cut an utterance out of its clip.

    Returns:
        the rows, and what was odd about their clips.
    """
    known = lengths(root, utterances) if known is None else known
    rows: list[Utterance] = []
    found: dict[str, list[str]] = {what: [] for what in (_MISSING, _UNUSABLE, _BEYOND, _DIFFERENT)}
    for row in utterances:
        if row.audio:
            own = _own(row, known[row.audio], segments, found)
            if own is not None and row.duration is not None and abs(row.duration - own) > APART:
                found[_DIFFERENT].append(f"{row.id}: {row.duration:g} s, the clip {own:.3f} s")
            row = replace(row, duration=own)
        rows.append(row)
    return tuple(rows), tuple(Finding(what, tuple(where)) for what, where in found.items() if where)


def _own(row: Utterance, length: Length, segments: bool, found: Mapping[str, list[str]]) -> float | None:
    """The duration of a row in seconds; None where it cannot be said, which is reported."""
    if length.seconds is None:
        found[_UNUSABLE if length.reason else _MISSING].append(f"{row.id}: {length.reason}".removesuffix(": "))
        return None
    if not segments or (row.start is None and row.end is None):
        return length.seconds
    start, end = row.start or 0.0, length.seconds if row.end is None else row.end
    if end > length.seconds + APART or start >= length.seconds:
        found[_BEYOND].append(f"{row.id}: {start:g} to {end:g} s of {length.seconds:.3f} s")
        return None
    return round(min(end, length.seconds) - start, 9)  # 9.8 - 9.7 is not 0.1 in floating point


def _length(path: Path) -> Length:
    from featurestore.audio import decode

    try:
        return Length(decode.duration(path))
    except Unencodable as reason:
        there = os.path.exists(path)  # Path.exists raises where a name is too long
        return Length(None, str(reason) if there else "")

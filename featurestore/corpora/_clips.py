"""The length of every clip, from its header; clips that have none, or not the one given, are reported."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from featurestore.corpora import Finding
from featurestore.errors import Unencodable
from featurestore.manifest import Utterance

_MISSING = "turns whose audio file is missing; they stay, without a duration"
_UNUSABLE = "turns whose audio file cannot be used; they stay, without a duration"
_DIFFERENT = "turns whose clip is not as long as given; the clip's own length is taken"
_APART = 0.05  # seconds that a length from a table may be off, by rounding or the padding of an MP3


def measured(root: Path, utterances: Sequence[Utterance]) -> tuple[tuple[Utterance, ...], tuple[Finding, ...]]:
    """The utterances with the `duration` that their clip has, not one that was given; those without keep their row."""
    rows: list[Utterance] = []
    found: dict[str, list[str]] = {what: [] for what in (_MISSING, _UNUSABLE, _DIFFERENT)}
    for row in utterances:
        if row.audio:
            own = _length(root / row.audio, row.id, found)
            if own is not None and row.duration is not None and abs(row.duration - own) > _APART:
                found[_DIFFERENT].append(f"{row.id}: {row.duration:g} s, the clip {own:.3f} s")
            row = replace(row, duration=own)
        rows.append(row)
    return tuple(rows), tuple(Finding(what, tuple(where)) for what, where in found.items() if where)


def _length(path: Path, name: str, found: Mapping[str, list[str]]) -> float | None:
    from featurestore import audio

    try:
        return audio.duration(path)
    except Unencodable as reason:
        there = os.path.exists(path)  # Path.exists raises where a name is too long
        found[_UNUSABLE if there else _MISSING].append(f"{name}: {reason}" if there else name)
        return None

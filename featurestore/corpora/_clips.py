"""The length of every clip of a corpus, from its header; clips that have none are reported with the reason."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from featurestore.corpora import Finding
from featurestore.errors import Unencodable
from featurestore.manifest import Utterance


def measured(root: Path, utterances: Sequence[Utterance]) -> tuple[tuple[Utterance, ...], tuple[Finding, ...]]:
    """The utterances with `duration` where it was empty and the clip has one; those without keep their row."""
    from featurestore import audio

    rows: list[Utterance] = []
    missing: list[str] = []
    unusable: list[str] = []
    for row in utterances:
        if row.audio and row.duration is None:
            try:
                row = replace(row, duration=audio.duration(root / row.audio))
            except Unencodable as reason:
                there = os.path.exists(root / row.audio)  # Path.exists raises where a name is too long
                (unusable if there else missing).append(f"{row.id}: {reason}" if there else row.id)
        rows.append(row)
    findings = (
        Finding("turns whose audio file is missing; they stay, without a duration", tuple(missing)),
        Finding("turns whose audio file cannot be used; they stay, without a duration", tuple(unusable)),
    )
    return tuple(rows), tuple(finding for finding in findings if finding.where)

"""Add what a label file says about the clips of a release."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from featurestore.manifest import Utterance
from featurestore.releases.finding_list import FindingList


def add_listed(
    rows: Sequence[Utterance], listed: Mapping[str, Utterance], source: str, found: FindingList
) -> list[Utterance]:
    """Add the text, label and gender that a label file gives, and report where it differs from the clips.

    Args:
        rows: one per clip.
        listed: what the file says about an utterance, by id; what is empty is not said.
        source: name of the file, for the findings.
        found: receives the findings.
    """
    clips = {row.id for row in rows}
    found.add(f"utterances that {source} lists without a clip, ignored", (one for one in listed if one not in clips))
    return [_complete(row, listed.get(row.id), source, found) for row in rows]


def _complete(row: Utterance, listed: Utterance | None, source: str, found: FindingList) -> Utterance:
    if listed is None:
        found.add(f"clips that {source} does not list, kept without a text", [row.id])
        listed = Utterance(row.id)
    elif not listed.text:
        found.add(f"clips whose text in {source} is empty", [row.id])
    if listed.label and row.label and listed.label != row.label:
        found.add(
            f"clips with another label in {source} than in their path; that of the file is used",
            [f"{row.id}: {listed.label}, not {row.label}"],
        )
    row = replace(
        row, text=listed.text or row.text, label=listed.label or row.label, gender=listed.gender or row.gender
    )
    found.add("clips without a label", [] if row.label else [row.id])
    return row

"""Add what a label file says about the clips of a release."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from featurestore.corpora._finding_list import FindingList
from featurestore.corpora._reading import Reading
from featurestore.corpora._release_files import ReleaseFiles, normalize_name
from featurestore.corpora._text_decoding import decode_text
from featurestore.manifest import Utterance


def find_label_files(root: Path, pattern: re.Pattern[str], found: FindingList) -> tuple[Path, ...]:
    """Return the paths of the files of matching names that can be read, the least nested one of each name.

    Args:
        root: folder of the release.
        pattern: matches a file's whole name in composed Unicode.
        found: receives the findings: files that cannot be read, and further files of a name.
    """
    first: dict[str, str] = {}
    for path in ReleaseFiles(root, FindingList()).paths:  # the reader of the clips reports unusable paths
        name = unicodedata.normalize("NFC", PurePosixPath(path).name)
        if not pattern.fullmatch(name):
            continue
        if normalize_name(name) in first:
            found.add("label files of the same name as another one, ignored", [path])
        elif _is_readable(root / path):
            first[normalize_name(name)] = path
        else:
            found.add("label files that cannot be read, ignored", [path])
    return tuple(root / path for path in first.values())


def decode_label_file(path: Path, found: FindingList) -> str:
    """Return the text of a label file, and report one that is not UTF-8.

    Args:
        path: the file.
        found: receives the finding.
    """
    text, encoding = decode_text(path)
    found.add("files that are not UTF-8, read as cp1252", [path.name] if encoding == "cp1252" else [])
    return text


def add_listed(reading: Reading, listed: Mapping[str, Utterance], source: str, found: FindingList) -> Reading:
    """Add the text, label and gender that a label file gives, and report where it differs from the clips.

    Args:
        reading: one row per clip.
        listed: what the file says about an utterance, by id; what is empty is not said.
        source: name of the file, for the findings.
        found: of the file.
    """
    rows = tuple(_complete(row, listed.get(row.id), source, found) for row in reading.utterances)
    clips = {row.id for row in rows}
    found.add(f"utterances that {source} lists without a clip, ignored", (one for one in listed if one not in clips))
    return replace(reading, utterances=rows, findings=(*reading.findings, *found.findings()))


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


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False

"""What is odd in any corpus, whoever reads it: the same clip under several names, speakers of a single label."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path

from featurestore.corpora import Finding
from featurestore.manifest import Utterance

_COPIES = "clips whose files hold the same bytes under different names; a test part must not hold what training has"
_PEEK = 4096  # bytes from a file's middle, which tell clips of equal size apart before all of them are read


def findings(rows: Sequence[Utterance], root: Path) -> tuple[Finding, ...]:
    """Look for byte-identical clips and for speakers of one label.

    Args:
        rows: the manifest.
        root: the folder that `audio` is relative to.
    """
    found = (Finding(_COPIES, tuple(_copies(rows, root))), *_one_label(rows))
    return tuple(finding for finding in found if finding.where)


def _copies(rows: Sequence[Utterance], root: Path) -> Iterator[str]:
    """Each group of equal clips, as `a = b`, with their labels where these differ."""
    names = {row.audio: row for row in reversed(rows) if row.audio}  # the first row of each clip
    groups = [list(reversed(names))]
    for key in (_size, _peek, _digest):
        groups = [alike for group in groups for alike in _alike(group, root, key)]
    for group in groups:
        labels = dict.fromkeys(names[audio].label for audio in group)
        told = f" (labelled {', '.join(label or 'nothing' for label in labels)})" if len(labels) > 1 else ""
        yield " = ".join(names[audio].id for audio in group) + told


def _alike(group: Sequence[str], root: Path, key: Callable[[Path], Hashable]) -> list[list[str]]:
    """The clips of a group that have the same key, where there are several; those that cannot be read are left out."""
    found: dict[Hashable, list[str]] = defaultdict(list)
    for audio in group:
        try:
            found[key(root / audio)].append(audio)
        except (OSError, ValueError):  # reported by whoever looked for its length
            continue
    return [names for names in found.values() if len(names) > 1]


def _size(path: Path) -> int:
    size = path.stat().st_size
    if not size or not path.is_file():
        raise ValueError("nothing in it")
    return size


def _peek(path: Path) -> tuple[int, bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(size // 2)
        return size, file.read(_PEEK)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _one_label(rows: Sequence[Utterance]) -> tuple[Finding, ...]:
    """Speakers with a single label in a corpus of several: their mean is that of the label."""
    labels: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.speaker and row.label:
            labels[row.speaker].add(row.label)
    alone = tuple(speaker for speaker, found in labels.items() if len(found) == 1)
    if len(set().union(*labels.values())) < 2 or not alone:
        return ()
    what = f"speakers with one label only, of {len(labels):,}; --normalize speaker would take the emotion out of theirs"
    return (Finding(what, alone),)

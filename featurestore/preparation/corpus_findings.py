"""Find irregularities of any corpus: counts unlike the known ones, clips with the same bytes, and more."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path

from featurestore.corpora import CorpusCard, Finding
from featurestore.manifest import Utterance
from featurestore.storage.checksum import hash_file
from featurestore.votes import can_read

_COPIES = "clips with the same bytes under different names; a test part must not hold clips that training has"
_UNREADABLE = 'votes that cannot be read, and are not used; a JSON list is expected, such as ["angry", "sad"]'
_PEEK = 4096  # bytes from a file's middle, to tell clips of equal size apart without reading all of them


def find_in_corpus(rows: Sequence[Utterance], root: Path, card: CorpusCard) -> tuple[Finding, ...]:
    """Find counts that differ from the known ones, copies of clips, speakers with a single label and damaged votes.

    Args:
        rows: the manifest.
        root: folder that `audio` is relative to.
        card: of the corpus.
    """
    findings = (
        *compare_counts(rows, card),
        Finding(_COPIES, tuple(_find_copies(rows, root))),
        *_find_single_labels(rows),
        Finding(_UNREADABLE, tuple(row.id for row in rows if not can_read(row.votes))),
    )
    return tuple(finding for finding in findings if finding.where)


def compare_counts(rows: Sequence[Utterance], card: CorpusCard) -> tuple[Finding, ...]:
    """Report numbers of utterances, speakers and sessions that differ from those of a full release.

    Args:
        rows: the manifest.
        card: of the corpus, whose empty counts are not compared.
    """
    known: list[tuple[str, Mapping[str, int], Mapping[str, int]]] = [
        ("label", Counter(row.label for row in rows), card.counts),
        ("partition", Counter(row.partition for row in rows), card.partitions),
        ("", {"speakers": len({row.speaker for row in rows} - {""})}, {"speakers": card.speakers}),
        ("", {"sessions": len({row.session for row in rows} - {""})}, {"sessions": card.sessions}),
    ]
    where = [
        f"{noun} {name or '(none)'}: expected {expected[name]:,}, got {here.get(name, 0):,}".strip()
        for noun, here, expected in known
        for name in expected
        if expected[name] and here.get(name, 0) != expected[name]
    ]
    what = f"counts that differ from those of a full release{f' ({card.version})' if card.version else ''}"
    return (Finding(what, tuple(where)),) if where else ()


def _find_copies(rows: Sequence[Utterance], root: Path) -> Iterator[str]:
    """Yield each group of equal clips as `a = b`, with their labels if these differ."""
    first = {row.audio: row for row in reversed(rows) if row.audio}  # the first row of each clip
    groups = [list(reversed(first))]
    for key in (_measure_size, _peek, hash_file):
        groups = [part for group in groups for part in _group_equal(group, root, key)]
    for group in groups:
        labels = dict.fromkeys(first[audio].label for audio in group)
        suffix = f" (labelled {', '.join(label or 'nothing' for label in labels)})" if len(labels) > 1 else ""
        yield " = ".join(first[audio].id for audio in group) + suffix


def _group_equal(group: Sequence[str], root: Path, key: Callable[[Path], Hashable]) -> list[list[str]]:
    """Return the clips with equal keys, without those that are alone or cannot be read."""
    found: dict[Hashable, list[str]] = defaultdict(list)
    for audio in group:
        try:
            found[key(root / audio)].append(audio)
        except (OSError, ValueError):  # reported when its length was read
            continue
    return [clips for clips in found.values() if len(clips) > 1]


def _measure_size(path: Path) -> int:
    size = path.stat().st_size
    if not size or not path.is_file():
        raise ValueError("empty, or not a file")
    return size


def _peek(path: Path) -> tuple[int, bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(size // 2)
        return size, file.read(_PEEK)


def _find_single_labels(rows: Sequence[Utterance]) -> tuple[Finding, ...]:
    """Report speakers with a single label in a corpus of several, whose mean features are those of the label."""
    labels: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.speaker and row.label:
            labels[row.speaker].add(row.label)
    single = tuple(speaker for speaker, own in labels.items() if len(own) == 1)
    if len(set().union(*labels.values())) < 2 or not single:
        return ()
    what = f"speakers with a single label, of {len(labels):,}; --normalize speaker would remove its emotion"
    return (Finding(what, single),)

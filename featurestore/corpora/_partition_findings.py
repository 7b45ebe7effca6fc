"""Report what partitions share: speakers, clips and ids."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from featurestore.corpora._finding_list import FindingList
from featurestore.corpora._reading import Finding
from featurestore.manifest import Utterance

_SHARED = "partitions that share speakers between training and test"
_UNKNOWN = "partitions whose speakers are unknown; whether training and test share speakers cannot be told"
_SAME_CLIP = "clips in more than one partition"


def find_shared(rows: Sequence[Utterance]) -> tuple[Finding, ...]:
    """Report test partitions that have speakers or clips in common with training, or whose speakers are unknown.

    Training is `train`. Where all partitions are folds, it is all other folds.

    Args:
        rows: the utterances.
    """
    found = FindingList()
    parts: dict[str, set[str]] = defaultdict(set)
    clips: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for row in rows:
        if row.partition:
            parts[row.partition].add(row.speaker)
            clips[row.audio or row.id, row.start, row.end].add(row.partition)
    for name, test, training in _pair(parts):
        known = test - {""}
        if not known or not training - {""}:
            found.add(_UNKNOWN, [name])
        elif shared := known & training:
            found.add(_SHARED, [f"{name}: {len(shared)} of {len(known)} test speakers are also in training"])
    found.add(_SAME_CLIP, [f"{clip[0]}: {', '.join(sorted(names))}" for clip, names in clips.items() if len(names) > 1])
    return found.findings()


def _pair(parts: dict[str, set[str]]) -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield the name of each test partition, its speakers, and those of training."""
    are_folds = all(name.lower().startswith("fold") for name in parts)
    for name in sorted(parts):
        others = [own for other, own in parts.items() if other != name]
        trained = [own for other, own in parts.items() if other.lower().startswith("train")]
        if are_folds and others:
            yield name, parts[name], set().union(*others)
        elif name.lower().startswith("test") and trained:
            yield name, parts[name], set().union(*trained)

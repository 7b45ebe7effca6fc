"""Report what partitions share: speakers, dialogues and clips."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from featurestore.manifest import Utterance
from featurestore.releases.finding_list import FindingList
from featurestore.releases.reading import Finding

_SHARED = "partitions that share {}s between training and test"
_UNKNOWN = "partitions whose speakers are unknown; whether training and test share speakers cannot be told"
_SAME_CLIP = "clips in more than one partition"


def find_shared(rows: Sequence[Utterance]) -> tuple[Finding, ...]:
    """Report test partitions that have speakers, dialogues or clips in common with training, or unknown speakers.

    Training is `train`. Where all partitions are folds, it is all other folds.

    Args:
        rows: the utterances.
    """
    found = FindingList()
    parts: dict[str, list[Utterance]] = defaultdict(list)
    clips: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for row in rows:
        if row.partition:
            parts[row.partition].append(row)
            clips[row.audio or row.id, row.start, row.end].add(row.partition)
    for name, test, training in _pair(parts):
        _compare(name, test, training, found)
    found.add(_SAME_CLIP, [f"{clip[0]}: {', '.join(sorted(names))}" for clip, names in clips.items() if len(names) > 1])
    return found.findings()


def _pair(parts: Mapping[str, list[Utterance]]) -> Iterator[tuple[str, list[Utterance], list[Utterance]]]:
    """Yield the name of each test partition, its rows, and those of training."""
    are_folds = all(name.lower().startswith("fold") for name in parts)
    for name in sorted(parts):
        others = [other for other in parts if other != name and (are_folds or other.lower().startswith("train"))]
        if others and (are_folds or name.lower().startswith("test")):
            yield name, parts[name], [row for other in others for row in parts[other]]


def _compare(name: str, test: Sequence[Utterance], training: Sequence[Utterance], found: FindingList) -> None:
    for column in ("speaker", "dialogue"):
        own, others = ({getattr(row, column) for row in rows} - {""} for rows in (test, training))
        if shared := own & others:
            where = f"{name}: {len(shared)} of {len(own)} test {column}s are also in training"
            found.add(_SHARED.format(column), [where])
        elif column == "speaker" and not (own and others):
            found.add(_UNKNOWN, [name])

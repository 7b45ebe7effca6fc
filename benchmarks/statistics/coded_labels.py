"""Hold labels as small numbers: a byte or two for each of a million utterances, not a text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, eq=False)
class CodedLabels(Sequence[str]):
    """Labels that are read as texts and held as numbers.

    Args:
        codes: (N,) the place of each label in `names`.
        names: different labels.

    >>> labels = CodedLabels(np.array([0, 1, 1]), ("happy", "sad"))
    >>> list(labels), labels[1]
    (['happy', 'sad', 'sad'], 'sad')
    """

    codes: Codes
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[str]:
        return map(self.names.__getitem__, self.codes.tolist())  # a third of the time of one place at a time

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "CodedLabels": ...
    def __getitem__(self, place: int | slice) -> "str | CodedLabels":
        found = self.codes[place]
        return CodedLabels(found, self.names) if isinstance(place, slice) else self.names[found]


def encode_labels(labels: Sequence[str], classes: Sequence[str]) -> Codes:
    """Return the place of each label among the classes (N,), -1 for a label that is no class.

    >>> encode_labels(["sad", "calm"], ["happy", "sad"]).tolist()
    [1, -1]
    """
    place = {name: number for number, name in enumerate(classes)}
    kind = np.min_scalar_type(-max(len(classes), 1))
    if isinstance(labels, CodedLabels):
        return np.array([place.get(name, -1) for name in labels.names], kind)[labels.codes]
    return np.fromiter((place.get(name, -1) for name in labels), kind, len(labels))


def list_distinct_labels(labels: Sequence[str]) -> set[str]:
    """Return the labels that occur."""
    if isinstance(labels, CodedLabels):
        return {labels.names[code] for code in np.unique(labels.codes)}
    return set(labels)


def join_labels(parts: Sequence[Sequence[str]]) -> CodedLabels:
    """Return the labels of several parts one after the other."""
    names = tuple(sorted(set().union(*map(list_distinct_labels, parts))))
    return CodedLabels(np.concatenate([encode_labels(labels, names) for labels in parts]), names)


def select_labels(labels: Sequence[str], rows: NDArray[np.intp]) -> CodedLabels:
    """Return the labels of some rows, in their order."""
    names = tuple(sorted(list_distinct_labels(labels)))
    return CodedLabels(encode_labels(labels, names)[rows], names)

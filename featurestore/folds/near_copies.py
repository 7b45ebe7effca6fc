"""When two texts are the same or nearly so."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

LEAST_WORDS = 4  # shorter texts are copies only where they are equal: "oh no" is near "oh yes" by any measure
NEAR = 0.6  # of the words of both
_ROWS = 512  # texts compared with all others at once
_TAG = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>")  # [LAUGHTER]: a sound, not a word


def normalised(text: str) -> str:
    """Lower case, without tags such as [LAUGHTER], punctuation and accents' variants; words parted by one blank.

    >>> normalised("I don't KNOW -- [LAUGHTER] do you?")
    'i dont know do you'
    """
    plain = unicodedata.normalize("NFKC", _TAG.sub(" ", text)).lower().replace("'", "").replace("’", "")
    return " ".join(re.findall(r"\w+", plain))


@lru_cache(maxsize=1)  # every fold of a protocol asks about the same texts
def copies(texts: tuple[str, ...]) -> csr_array:
    """Which normalised texts are copies of each other: a symmetric matrix (N, N), true on its diagonal.

    Two texts are copies where they are equal, or both have four words or more and share at least 60 % of their words
    (|A and B| / |A or B| >= 0.6, words counted as often as they stand). A text without words is a copy of none.
    """
    size = np.array([len(text.split()) for text in texts])
    counts = _bags(texts, size)
    pairs = [_near(counts, size, start) for start in range(0, len(texts), _ROWS)]
    rows, columns = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    itself = np.arange(len(texts))
    rows, columns = np.concatenate([rows, itself]), np.concatenate([columns, itself])
    return csr_array((np.ones(len(rows), bool), (rows, columns)), shape=(len(texts), len(texts)))


def _near(counts: csr_array, size: NDArray[np.int64], start: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pairs that share enough words, of some texts with all."""
    shared = (counts[start : start + _ROWS] @ counts.T).tocoo()
    first, second = shared.coords[0] + start, shared.coords[1]
    near = shared.data >= NEAR * (size[first] + size[second] - shared.data)
    return first[near], second[near]


def _bags(texts: Sequence[str], size: NDArray[np.int64]) -> csr_array:
    """Which words each text has (N, W), the second time that a word stands in it as a word of its own."""
    words: dict[tuple[str, int], int] = {}
    rows, columns = [], []
    for row in np.flatnonzero(size >= LEAST_WORDS).tolist():
        for word, often in Counter(texts[row].split()).items():
            for time in range(often):
                rows.append(row)
                columns.append(words.setdefault((word, time), len(words)))
    return csr_array((np.ones(len(rows), np.int32), (rows, columns)), shape=(len(texts), max(len(words), 1)))


def components(texts: Mapping[str, str]) -> dict[str, str]:
    """By id, the first text (in alphabetical order) that its text is linked to by a chain of copies.

    Args:
        texts: by id, as the corpus has them; an utterance without words is a group of its own.
    """
    plain = {name: normalised(text) for name, text in texts.items()}
    different = sorted(set(plain.values()) - {""})
    label = connected_components(copies(tuple(different)), directed=False)[1].tolist() if different else []
    first: dict[int, str] = {}
    for text, number in zip(different, label, strict=True):
        first.setdefault(number, text)
    group = {text: first[number] for text, number in zip(different, label, strict=True)}
    return {name: group.get(text) or f" {name}" for name, text in plain.items()}


def given_away(train: Iterable[str], test: Iterable[str], texts: Mapping[str, str]) -> set[str]:
    """The training ids whose text is a copy of a test utterance's.

    Args:
        train: ids.
        test: ids.
        texts: by id, as the corpus has them.
    """
    train, plain = list(train), {name: normalised(text) for name, text in texts.items()}
    tested = {plain[name] for name in test} - {""}
    different = sorted({plain[name] for name in train} | tested)
    place = {text: number for number, text in enumerate(different)}
    marked = np.zeros(len(different), bool)
    marked[[place[text] for text in tested]] = True
    known = copies(tuple(different)) @ marked
    return {name for name in train if plain[name] and known[place[plain[name]]]}

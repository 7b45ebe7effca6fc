"""Find texts that are copies or near copies of each other."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

LEAST_WORDS = 4  # shorter texts are copies only if equal: "oh no" is near "oh yes" by any measure
NEAR = 0.6  # smallest share of words that near copies have in common
_ROWS = 512  # texts compared with all others at once
_TAG = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>")  # [LAUGHTER]: a sound, not a word


def normalize_text(text: str) -> str:
    """Return a text in lower case with single spaces, without tags such as [LAUGHTER], punctuation or apostrophes.

    >>> normalize_text("I don't KNOW -- [LAUGHTER] do you?")
    'i dont know do you'
    """
    plain = unicodedata.normalize("NFKC", _TAG.sub(" ", text)).lower().replace("'", "").replace("’", "")
    return " ".join(re.findall(r"\w+", plain))


@lru_cache(maxsize=1)  # every fold of a protocol passes the same texts
def match_copies(texts: tuple[str, ...]) -> csr_array:
    """Compute which normalized texts are copies of each other.

    Two texts are copies if they are equal, or if both have at least four words and share at least 60 % of them
    (|A and B| / |A or B| >= 0.6, with repeated words counted). A text without words is a copy of no other.

    Args:
        texts: N different normalized texts.

    Returns:
        Symmetric boolean matrix (N, N), true on its diagonal.
    """
    size = np.array([len(text.split()) for text in texts])
    counts = _count_words(texts, size)
    pairs = [_match_rows(counts, size, start) for start in range(0, len(texts), _ROWS)]
    rows, columns = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    diagonal = np.arange(len(texts))
    rows, columns = np.concatenate([rows, diagonal]), np.concatenate([columns, diagonal])
    return csr_array((np.ones(len(rows), bool), (rows, columns)), shape=(len(texts), len(texts)))


def _match_rows(counts: csr_array, size: NDArray[np.int64], start: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the near copies among all texts of `_ROWS` texts from `start`, as two arrays of row numbers."""
    shared = (counts[start : start + _ROWS] @ counts.T).tocoo()
    first, second = shared.coords[0] + start, shared.coords[1]
    near = shared.data >= NEAR * (size[first] + size[second] - shared.data)
    return first[near], second[near]


def _count_words(texts: Sequence[str], size: NDArray[np.int64]) -> csr_array:
    """Return which words each text has (N, W), with each repetition of a word as a column of its own."""
    words: dict[tuple[str, int], int] = {}
    rows, columns = [], []
    for row in np.flatnonzero(size >= LEAST_WORDS).tolist():
        for word, count in Counter(texts[row].split()).items():
            for repetition in range(count):
                rows.append(row)
                columns.append(words.setdefault((word, repetition), len(words)))
    return csr_array((np.ones(len(rows), np.int32), (rows, columns)), shape=(len(texts), max(len(words), 1)))


def link_copies(texts: Mapping[str, str]) -> dict[str, str]:
    """Group utterances whose texts are linked by a chain of copies.

    Args:
        texts: text by utterance id, as the corpus has it.

    Returns:
        Group by utterance id, named after its first text in alphabetical order. An utterance without words is a group
        of its own.
    """
    plain = {utterance_id: normalize_text(text) for utterance_id, text in texts.items()}
    different = sorted(set(plain.values()) - {""})
    numbers = connected_components(match_copies(tuple(different)), directed=False)[1].tolist() if different else []
    first: dict[int, str] = {}
    for text, number in zip(different, numbers, strict=True):
        first.setdefault(number, text)
    group = {text: first[number] for text, number in zip(different, numbers, strict=True)}
    return {utterance_id: group.get(text) or f" {utterance_id}" for utterance_id, text in plain.items()}


def find_copies(train: Iterable[str], test: Iterable[str], texts: Mapping[str, str]) -> set[str]:
    """Find the training utterances whose text is a copy or near copy of a test utterance's.

    Args:
        train: training ids.
        test: test ids.
        texts: text by utterance id, as the corpus has it.

    Returns:
        Ids from `train`.
    """
    train, plain = list(train), {utterance_id: normalize_text(text) for utterance_id, text in texts.items()}
    tested = {plain[utterance_id] for utterance_id in test} - {""}
    different = sorted({plain[utterance_id] for utterance_id in train} | tested)
    place = {text: number for number, text in enumerate(different)}
    marked = np.zeros(len(different), bool)
    marked[[place[text] for text in tested]] = True
    copied = match_copies(tuple(different)) @ marked
    return {one for one in train if plain[one] and copied[place[plain[one]]]}

"""Find texts that are copies or near copies of each other."""

import re
import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

LEAST_WORDS = 4  # shorter texts are copies only if equal: "oh no" is near "oh yes" by any measure
NEAR = 0.6  # smallest share of words that near copies have in common
_ROWS = 512  # texts compared with all others at once
_PAIRS = 500_000  # pairs whose words are compared at once
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
    words = _count_words(texts)
    rows, columns = _find_near(words, words)
    diagonal = np.arange(len(texts))
    rows, columns = np.concatenate([rows, diagonal]), np.concatenate([columns, diagonal])
    return csr_array((np.ones(len(rows), bool), (rows, columns)), shape=(len(texts), len(texts)))


@dataclass(frozen=True)
class _Words:
    """The words of N texts, as matrices (N, W) with a column for each repetition of a word, the rarest first.

    Args:
        counts: 1 where a text has the word.
        rarest: the same, of the rarest words of each text. Two texts that share 60 % of their words share one of these
            (prefix filter: Bayardo, Ma and Srikant 2007, "Scaling Up All Pairs Similarity Search").
        size: words of each text (N,).
    """

    counts: csr_array
    rarest: csr_array
    size: NDArray[np.int64]

    def select(self, rows: NDArray[np.intp]) -> "_Words":
        """Return the words of some texts."""
        return _Words(self.counts[rows], self.rarest[rows], self.size[rows])


def _find_near(one: _Words, other: _Words) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the near copies among two lists of texts, as the row of each in its list."""
    found = [_match_rows(one, other, start) for start in range(0, len(one.size), _ROWS)]
    first, second = zip(*found, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _match_rows(one: _Words, other: _Words, start: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the near copies of `_ROWS` texts from `start`."""
    shared = (one.rarest[start : start + _ROWS] @ other.rarest.T).tocoo()
    first, second = shared.coords[0].astype(np.intp) + start, shared.coords[1].astype(np.intp)
    sizes = one.size[first], other.size[second]
    possible = np.minimum(*sizes) >= NEAR * np.maximum(*sizes)
    first, second = first[possible], second[possible]
    pieces = range(0, len(first), _PAIRS)
    near = [_share_words(one, other, first[at : at + _PAIRS], second[at : at + _PAIRS]) for at in pieces]
    chosen = np.concatenate(near) if near else np.zeros(0, bool)
    return first[chosen], second[chosen]


def _share_words(one: _Words, other: _Words, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell which pairs of texts share at least 60 % of their words."""
    shared = np.asarray(one.counts[first].multiply(other.counts[second]).sum(axis=1)).ravel()
    return np.asarray(shared >= NEAR * (one.size[first] + other.size[second] - shared))


def _count_words(texts: Sequence[str]) -> _Words:
    """Count the words of each text, of those with four or more."""
    words: defaultdict[str | tuple[str, int], int] = defaultdict(count().__next__)
    columns, lengths, sizes = array("l"), array("l"), array("l")
    for text in texts:
        found = text.split()
        sizes.append(len(found))
        lengths.append(len(found) if len(found) >= LEAST_WORDS else 0)
        columns.extend(map(words.__getitem__, _number_repetitions(found)) if lengths[-1] else ())
    place = np.argsort(np.argsort(np.bincount(columns, minlength=max(len(words), 1)), kind="stable"))
    starts = np.concatenate([[0], np.cumsum(np.array(lengths, np.intp))])
    values = np.ones(len(columns), np.int32)
    counts = csr_array((values, place[np.array(columns, np.intp)], starts), shape=(len(texts), len(place)))
    return _Words(counts, _select_rarest(counts), np.array(sizes, np.int64))


def _number_repetitions(words: Sequence[str]) -> Sequence[str | tuple[str, int]]:
    """Return the words of a text, each repetition with its number."""
    if len(set(words)) == len(words):
        return words
    return [(word, number) if number else word for word, times in Counter(words).items() for number in range(times)]


def _select_rarest(counts: csr_array) -> csr_array:
    """Return the rarest words of each text: so many that the other words are fewer than a near copy must share."""
    counts.sort_indices()
    sizes = np.diff(counts.indptr)
    kept = sizes - np.ceil(NEAR * sizes - 1e-9).astype(int) + 1
    rows = np.repeat(np.arange(len(sizes)), sizes)
    chosen = np.arange(len(rows)) - counts.indptr[rows] < kept[rows]
    return csr_array((counts.data[chosen], (rows[chosen], counts.indices[chosen])), shape=counts.shape)


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
    train, test = list(train), list(test)
    return CopyFinder({utterance_id: texts[utterance_id] for utterance_id in {*train, *test}}).find(train, test)


class CopyFinder:
    """Finds copies between parts of a corpus, whose words are counted once."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Count the words of every text.

        Args:
            texts: text by utterance id, as the corpus has it.
        """
        self._plain = {utterance_id: normalize_text(text) for utterance_id, text in texts.items()}
        self._texts = sorted(set(self._plain.values()))
        self._row = {text: row for row, text in enumerate(self._texts)}
        self._words = _count_words(self._texts)

    def find(self, train: Sequence[str], test: Sequence[str]) -> set[str]:
        """Return the training utterances whose text is a copy or near copy of a test utterance's."""
        tested = {self._plain[utterance_id] for utterance_id in test} - {""}
        others = {self._plain[utterance_id] for utterance_id in train} - tested - {""}
        copied = tested | self._find_near(others, tested)
        return {utterance_id for utterance_id in train if self._plain[utterance_id] in copied}

    def _find_near(self, texts: set[str], others: set[str]) -> set[str]:
        """Return the texts that have a near copy among other texts."""
        rows, columns = (np.array(sorted(self._row[text] for text in part), np.intp) for part in (texts, others))
        if not len(rows) or not len(columns):
            return set()
        near, _ = _find_near(self._words.select(rows), self._words.select(columns))
        return {self._texts[row] for row in rows[np.unique(near)]}

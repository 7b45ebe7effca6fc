"""Number the words of transcripts, for heads that have an embedding of their own."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_FILE = "vocabulary.json"
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Vocabulary:
    """Words numbered from 1, in order. 0 is every other word.

    Args:
        words: in lower case.
    """

    words: tuple[str, ...]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, start=1)}

    def __len__(self) -> int:
        """Return the number of words, with the one that stands for every other."""
        return len(self.words) + 1

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text's words. A text without words is one unknown word."""
        return [self._numbers.get(word, 0) for word in split_words(text)] or [0]

    def save(self, folder: Path) -> None:
        """Write `vocabulary.json`, a list of the words."""
        (folder / _FILE).write_text(json.dumps(self.words, ensure_ascii=False, indent=0) + "\n", "utf-8")


def fit_vocabulary(texts: Iterable[str], min_count: int) -> Vocabulary:
    """Make a vocabulary of the words that stand at least `min_count` times in texts, the most frequent first."""
    counts = Counter(word for text in texts for word in split_words(text))
    kept = (word for word, count in counts.items() if count >= min_count)
    return Vocabulary(tuple(sorted(kept, key=lambda word: (-counts[word], word))))


def load_vocabulary(folder: Path) -> Vocabulary:
    """Read `vocabulary.json`.

    Raises:
        ValueError: it does not hold a list of words.
    """
    words = json.loads((folder / _FILE).read_text("utf-8"))
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{_FILE} does not hold a list of words")
    return Vocabulary(tuple(words))


def split_words(text: str) -> list[str]:
    """Split a text into words in lower case: letters and digits, with apostrophes inside.

    >>> split_words("[LAUGHTER] Don't -- I know.")
    ['laughter', "don't", 'i', 'know']
    """
    return _WORD.findall(text.lower())

"""Count how recognized words differ from those of a corpus: the word error rate, overall and by label."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from featurestore.errors import Unavailable, format_count
from featurestore.manifest import Utterance, list_column, map_column

NORMALIZATION = "Unicode NFKC, case folded, apostrophes removed, other punctuation and symbols read as white space"
NO_LABEL = "(none)"
_APOSTROPHES = dict.fromkeys(map(ord, "'\u2018\u2019\u02bc\uff07"))
_KEPT = "LMN"  # categories of characters: letters, marks on them, numbers


@dataclass(frozen=True)
class ErrorCount:
    """Differences between recognized and given words.

    Args:
        utterances: number of utterances.
        words: number of given words.
        substitutions: given words in whose place another was recognized.
        deletions: given words that were not recognized.
        insertions: recognized words that were not given.
    """

    utterances: int
    words: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def rate(self) -> float:
        """The word error rate: substitutions, deletions and insertions for each given word. It may exceed 1."""
        return (self.substitutions + self.deletions + self.insertions) / self.words

    def to_json(self) -> dict[str, Any]:
        """Return the counts and the rate as plain JSON values."""
        return {"word_error_rate": self.rate, **asdict(self)}


@dataclass(frozen=True)
class WordErrors:
    """Word errors of a transcript.

    Args:
        overall: of every utterance that has given words and was transcribed; None where there is none.
        by_label: of those of each label, the corpus's own code.
        without_words: number of utterances without given words, which are not counted.
        not_transcribed: number of utterances with given words that could not be transcribed, which are not counted.
    """

    overall: ErrorCount | None
    by_label: Mapping[str, ErrorCount]
    without_words: int
    not_transcribed: int

    def to_json(self) -> dict[str, Any]:
        """Return the errors as plain JSON values, with the normalization."""
        return {
            "overall": self.overall.to_json() if self.overall else None,
            "by_label": {label: count.to_json() for label, count in self.by_label.items()},
            "without_words": self.without_words,
            "not_transcribed": self.not_transcribed,
            "normalization": NORMALIZATION,
        }

    def lines(self) -> list[str]:
        """Return the errors as lines for a terminal."""
        left = f"{format_count(self.without_words, 'utterance')} without words of the corpus, "
        left += f"{self.not_transcribed:,} that failed"
        if self.overall is None:
            return [f"no word error rate: {left}"]
        named = {"all": self.overall, **self.by_label}
        width = max(map(len, named))
        return [
            f"word error rate against the words of the corpus ({NORMALIZATION}):",
            *(f"  {label:<{width}}  {_format(count)}" for label, count in named.items()),
            f"  not counted: {left}",
        ]


def _format(count: ErrorCount) -> str:
    return (
        f"{100 * count.rate:5.1f} %  of {format_count(count.words, 'word')} in "
        f"{format_count(count.utterances, 'utterance')}: "
        f"{count.substitutions:,} substituted, {count.deletions:,} deleted, {count.insertions:,} inserted"
    )


def normalize_words(text: str) -> str:
    """Normalize a text for the comparison of words, as `NORMALIZATION` says.

    >>> normalize_words("I can’t  believe it -- really?!")
    'i cant believe it really'
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    kept = (letter if unicodedata.category(letter)[0] in _KEPT else " " for letter in plain)
    return " ".join("".join(kept).split())


def count_word_errors(
    utterances: Sequence[Utterance], recognized: Mapping[str, str], classes: Mapping[str, str] | None = None
) -> WordErrors:
    """Compare recognized words with those of a manifest, by the fewest errors (Levenshtein distance of words).

    Args:
        utterances: with their own words and labels; they may be those of a store.
        recognized: words by utterance id; an utterance that is not among them was not transcribed.
        classes: by utterance id, in place of the labels; by default the corpus's own labels.

    Raises:
        Unavailable: the package jiwer is not installed.
    """
    labels = map_column(utterances, "label") if classes is None else classes
    columns = (list_column(utterances, name) for name in ("id", "text"))
    pairs: dict[str, list[tuple[str, str]]] = {}
    without_words = not_transcribed = 0
    for utterance_id, text in zip(*columns, strict=True):
        given = normalize_words(text)
        if not given:
            without_words += 1
        elif utterance_id not in recognized:
            not_transcribed += 1
        else:
            pair = given, normalize_words(recognized[utterance_id])
            pairs.setdefault(labels.get(utterance_id) or NO_LABEL, []).append(pair)
    by_label = {label: _count_errors(pairs[label]) for label in sorted(pairs)}
    overall = _add(list(by_label.values())) if by_label else None
    return WordErrors(overall, by_label, without_words, not_transcribed)


def _count_errors(pairs: Sequence[tuple[str, str]]) -> ErrorCount:
    try:
        import jiwer
    except ImportError:
        raise Unavailable(
            "the word error rate needs the package jiwer", do="pip install 'emofuse[asr]', then run the command again"
        ) from None
    found = jiwer.process_words([given for given, _ in pairs], [words for _, words in pairs])
    words = found.hits + found.substitutions + found.deletions
    return ErrorCount(len(pairs), words, found.substitutions, found.deletions, found.insertions)


def _add(counts: Sequence[ErrorCount]) -> ErrorCount:
    return ErrorCount(*(sum(column) for column in zip(*(asdict(one).values() for one in counts), strict=True)))

"""Turn the tokens that a recognizer gives into words, each with its confidence and its time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

# How confidences are defined. It is part of a recognizer's fingerprint.
CONFIDENCE = "geometric mean of the probabilities of a word's tokens"


@dataclass(frozen=True)
class Token:
    """One token of a text.

    Args:
        number: in the vocabulary.
        probability: 0 to 1.
        start: the first frame in which it is spoken.
        stop: the frame after the last.
    """

    number: int
    probability: float
    start: int = 0
    stop: int = 0


@dataclass(frozen=True)
class SpokenWords:
    """Recognized words of one utterance.

    Args:
        text: the words, one space between two; empty where nothing was recognized.
        confidence: of each word (W,), 0 to 1.
        spans: the first frame of each word, and the frame after its last (W, 2).
    """

    text: str
    confidence: NDArray[np.float32]
    spans: NDArray[np.int64]

    def encode(self) -> dict[str, np.ndarray]:
        """Return the arrays of a transcript without times: `text` in UTF-8 (B,) and `confidence` (W,)."""
        return {"text": np.frombuffer(self.text.encode("utf-8"), np.uint8), "confidence": self.confidence}


def collapse_frames(numbers: Sequence[int], probabilities: Sequence[float], blank: int) -> list[Token]:
    """Collapse the likeliest token of each frame into tokens, as CTC defines it: repetitions, then blanks, go.

    The probability of a token is the highest of its frames.

    Args:
        numbers: of the likeliest token of each frame (T,).
        probabilities: of these tokens (T,).
        blank: number of the token that stands between tokens.

    Example:
        >>> [one.number for one in collapse_frames([0, 5, 5, 0, 5, 7], [1.0] * 6, blank=0)]
        [5, 5, 7]
    """
    tokens = []
    for number, run in groupby(range(len(numbers)), lambda frame: numbers[frame]):
        frames = list(run)
        if number != blank:
            probability = max(probabilities[frame] for frame in frames)
            tokens.append(Token(number, probability, frames[0], frames[-1] + 1))
    return tokens


def build_words(tokens: Sequence[Token], decode: Callable[[list[int]], str]) -> SpokenWords:
    """Build words from tokens: what stands between white space is one word.

    A token belongs to the word that it begins or continues. One that adds nothing to the text, such as a delimiter,
    belongs to none.

    Args:
        tokens: of one utterance, in order.
        decode: returns the text of some tokens.
    """
    numbers = [token.number for token in tokens]
    words = decode(numbers).split()
    members: list[list[Token]] = [[] for _ in words]
    before, count = "", 0
    for place, token in enumerate(tokens, 1):
        text = decode(numbers[:place]).strip()
        now = len(text.split())
        if text != before:
            for word in members[count if now > count else now - 1 : now]:
                word.append(token)
        before, count = text, now
    confidence = [_average([token.probability for token in one]) for one in members]
    spans = [(min(token.start for token in one), max(token.stop for token in one)) for one in members]
    return SpokenWords(
        " ".join(words), np.array(confidence, np.float32), np.array(spans, np.int64).reshape(len(words), 2)
    )


def _average(probabilities: Sequence[float]) -> float:
    return float(np.exp(np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)).mean()))

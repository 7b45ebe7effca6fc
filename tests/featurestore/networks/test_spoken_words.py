"""Words from tokens: CTC's collapse, the words, and their confidences and times, against a plain computation."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.networks.spoken_words import Token, build_words, collapse_frames

LETTERS = "_ab |"  # blank, two letters, a space and a delimiter, which is read as a space


def decode(numbers):
    return "".join(LETTERS[number] for number in numbers).replace("|", " ").strip()


def plain_words(numbers, probabilities):
    """Collapse and split frame by frame: text, probabilities and frames of each word."""
    words, current = [], []
    for number, run in groupby(enumerate(numbers), lambda pair: pair[1]):
        frames = [frame for frame, _ in run]
        letter = LETTERS[number]
        if letter in " |":
            words, current = words + ([current] if current else []), []
        elif letter != "_":
            current.append((letter, max(probabilities[frame] for frame in frames), frames[0], frames[-1] + 1))
    return words + ([current] if current else [])


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0.01, 1.0)), max_size=40))
def test_words_of_frames_are_those_of_a_plain_collapse(frames):
    numbers, probabilities = [number for number, _ in frames], [value for _, value in frames]
    found = build_words(collapse_frames(numbers, probabilities, blank=0), decode)
    expected = plain_words(numbers, probabilities)
    assert found.text == " ".join("".join(letter for letter, *_ in word) for word in expected)
    assert found.spans.tolist() == [[word[0][2], word[-1][3]] for word in expected]
    means = [np.exp(np.mean([np.log(value) for _, value, *_ in word])) for word in expected]
    assert found.confidence == pytest.approx(means, rel=1e-5)
    assert len(found.text.split()) == len(found.confidence) == len(found.spans)


def test_a_token_may_hold_several_words_or_bytes_of_one_letter():
    pieces = {0: b" so", 1: b" it is", 2: b" \xc3", 3: b"\xa9t\xc3\xa9"}

    def decode_bytes(numbers):
        return b"".join(pieces[number] for number in numbers).decode("utf-8", errors="replace")

    found = build_words([Token(0, 0.9), Token(1, 0.5), Token(2, 0.25), Token(3, 1.0)], decode_bytes)
    assert found.text == "so it is été"
    assert found.confidence.tolist() == pytest.approx([0.9, 0.5, 0.5, 0.5])


def test_no_token_and_no_word():
    found = build_words([], decode)
    assert (found.text, found.confidence.shape, found.spans.shape) == ("", (0,), (0, 2))
    assert {name: values.shape for name, values in found.encode().items()} == {"text": (0,), "confidence": (0,)}

"""Word errors against a plain edit distance, by label, and what is not counted."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.errors import Unavailable
from featurestore.manifest import Utterance
from featurestore.word_errors import NORMALIZATION, count_word_errors, normalize_words

WORDS = st.lists(st.sampled_from(["yes", "no", "well", "I", "can't"]), max_size=7).map(" ".join)


def plain_distance(given_words, words):
    """Compute the fewest errors between two lists of words, row by row of the table of distances."""
    before = list(range(len(words) + 1))
    for place, word in enumerate(given_words, 1):
        now = [place]
        for column, other in enumerate(words, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (word != other)))
        before = now
    return before[-1]


@given(st.lists(st.tuples(WORDS, WORDS, st.sampled_from(["ang", "sad", ""])), max_size=8))
def test_errors_are_those_of_a_plain_edit_distance(triples):
    rows = [Utterance(str(number), text=text, label=label) for number, (text, _, label) in enumerate(triples)]
    found = count_word_errors(rows, {str(number): words for number, (_, words, _) in enumerate(triples)})
    counted = [(text, words, label or "(none)") for text, words, label in triples if text]
    assert found.without_words == len(triples) - len(counted)
    assert set(found.by_label) == {label for _, _, label in counted}
    for label, count in [("", found.overall), *found.by_label.items()] if counted else []:
        own = [(text.split(), words.split()) for text, words, one in counted if label in ("", one)]
        errors = sum(plain_distance(*pair) for pair in own)
        assert count.utterances == len(own)
        assert count.words == sum(len(text) for text, _ in own)
        assert count.substitutions + count.deletions + count.insertions == errors
        assert count.words - count.substitutions - count.deletions + count.insertions + count.substitutions == sum(
            len(words) for _, words in own
        )
        assert count.rate == errors / count.words
    assert (found.overall is None) == (not counted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I can’t  BELIEVE it -- really?!", "i cant believe it really"),
        ("don't", "dont"),
        ("well-known", "well known"),
        ("Straße ﬁne", "strasse fine"),
        ("नमस्ते", "नमस्ते"),
        ("[...]", ""),
    ],
)
def test_words_are_normalized(text, expected):
    assert normalize_words(text) == expected
    assert normalize_words(expected) == expected


def test_what_is_not_counted_is_said():
    rows = [Utterance("a", text="yes", label="ang"), Utterance("b", text="?!", label="ang"), Utterance("c", text="no")]
    found = count_word_errors(rows, {"a": "Yes.", "b": "what"})
    assert (found.without_words, found.not_transcribed) == (1, 1)
    assert found.lines() == [
        f"word error rate against the words of the corpus ({NORMALIZATION}):",
        "  all    0.0 %  of 1 word in 1 utterance: 0 substituted, 0 deleted, 0 inserted",
        "  ang    0.0 %  of 1 word in 1 utterance: 0 substituted, 0 deleted, 0 inserted",
        "  not counted: 1 utterance without words of the corpus, 1 that failed",
    ]
    assert count_word_errors(rows[1:2], {}).lines() == [
        "no word error rate: 1 utterance without words of the corpus, 0 that failed"
    ]
    assert found.to_json()["overall"]["word_error_rate"] == 0


def test_classes_may_stand_in_place_of_labels():
    rows = [Utterance("a", text="yes", label="ang"), Utterance("b", text="no", label="fru")]
    found = count_word_errors(rows, {"a": "yes", "b": "so"}, {"a": "angry", "b": "angry"})
    assert {name: count.rate for name, count in found.by_label.items()} == {"angry": 0.5}


def test_without_jiwer_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(Unavailable, match="the word error rate needs the package jiwer") as caught:
        count_word_errors([Utterance("a", text="yes")], {"a": "yes"})
    assert "pip install 'emofuse[asr]'" in caught.value.do

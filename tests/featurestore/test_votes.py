import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore import labels as schemes
from featurestore import registry
from featurestore.votes import VoteCounts, VoteWords, find_winner, read_choices, share_votes
from tests.support.iemocap_release import READ_VOTES

CODES = {"ang": "angry", "sad": "sad", "oth": None}
WORDS = VoteWords(CODES, {"Anger": "ang", "Sadness": "sad", "Other": "oth"}, own_raters="C-[FM]\\d")
CHOICES = st.lists(st.lists(st.sampled_from("abc"), unique=True).map(lambda one: tuple(sorted(one))), max_size=6)


def read(votes, words=WORDS, kept=("angry", "sad")):
    counts = VoteCounts()
    text = votes if isinstance(votes, str) else json.dumps(votes)
    return read_choices({"u": text}, words, kept, counts).get("u", ()), counts


@pytest.mark.parametrize(
    ("votes", "choices"),
    [
        ([{"labels": ["Anger"]}, {"labels": ["sadness "]}], (("angry",), ("sad",))),
        ([{"labels": ["ang"]}, {"labels": ["ANG"]}], (("angry",), ("angry",))),
        ([{"labels": ["Anger", "Sadness", "Anger"]}], (("angry", "sad"),)),
        ([{"labels": ["Other"]}, {"labels": ["Anger", "Other"]}], ((), ("angry",))),
        ([{"labels": []}, {"val": 3}], ()),
        (["Anger", "Sadness"], (("angry",), ("sad",))),
        ("", ()),
    ],
)
def test_votes_become_classes(votes, choices):
    assert read(votes)[0] == choices


def test_what_is_left_out_is_counted():
    votes = [{"labels": ["Other", "Puzzled"]}, {"labels": ["Other"]}, {"labels": ["Anger"]}]
    _, counts = read(votes)
    assert counts.left_out == {"Other": 2, "Puzzled": 1}
    assert (counts.rated, counts.raters) == (1, 1)
    assert read([{"labels": ["Other"]}])[1].no_class == 1
    assert read("")[1].without == 1


def test_raters_of_the_face_and_of_their_own_speech_do_not_count():
    votes = [
        {"rater": "C-E1", "labels": ["Anger"]},
        {"rater": "C-F1", "labels": ["Sadness"]},
        {"rater": "r", "labels": ["Sadness"], "presented": "face"},
    ]
    choices, counts = read(votes)
    assert choices == (("angry",),)
    assert (counts.own, counts.deaf) == (1, 1)


@pytest.mark.parametrize("text", ["angry", "3", '{"angry": 2}', "[1]", '[{"labels": "angry"}]', '[{"labels": [3]}]'])
def test_votes_that_cannot_be_read_are_counted(text):
    choices, counts = read(text)
    assert choices == ()
    assert (counts.unreadable, counts.rated) == (1, 0)


def test_votes_for_a_class_that_is_not_kept_are_left_out():
    choices, counts = read([{"labels": ["Anger"]}, {"labels": ["Sadness"]}], kept=("sad",))
    assert choices == ((), ("sad",))
    assert counts.left_out == {"Anger": 1}


@given(CHOICES)
def test_each_rater_counts_once(choices):
    """The plain computation: every rater who chose a class gives one vote, split evenly."""
    shares = share_votes(choices)
    chosen = [one for one in choices if one]
    for name in "abc":
        expected = sum(1 / len(one) for one in chosen if name in one) / len(chosen) if chosen else 0
        assert shares.get(name, 0) == pytest.approx(expected)
    winner, share = find_winner(tuple(choices))
    if chosen:
        assert shares[winner] == max(shares.values())
        assert share == pytest.approx(shares[winner] * len(chosen) / len(choices))
    else:
        assert (winner, share) == ("", 0.0)


def test_the_votes_of_iemocap_are_read():
    """The third rater chose nothing, and the fourth is the speaker."""
    card = schemes.load_card("iemocap")
    words = VoteWords(card.schemes["iemocap-6"], card.vote_codes, card.own_raters)
    choices, counts = read(READ_VOTES, words, card.schemes["iemocap-6"].values())
    assert choices == (("neutral",), ("angry", "frustrated"))
    assert counts.own == 1


@pytest.mark.parametrize("corpus", registry.names("corpora"))
def test_words_of_raters_stand_for_codes_of_the_corpus(corpus):
    card = schemes.load_card(corpus)
    known = set(card.labels)
    known |= set(schemes.load_scheme(card.default_scheme).classes) if card.vote_codes else set()
    assert set(card.vote_codes.values()) <= known


@pytest.mark.parametrize("corpus", ["crema_d", "emozionalmente", "iemocap", "m3ed", "msp_improv", "msp_podcast"])
def test_votes_of_a_release_stand_for_classes(corpus, tmp_path):
    """Of the sample of each corpus that has votes, at least one is for a class of the corpus's own scheme."""
    module = registry.module("corpora", registry_name(corpus))
    module.sample(tmp_path)
    rows = module.utterances(tmp_path).utterances
    card = module.CARD
    classes = card.schemes[card.default_scheme]
    counts = VoteCounts()
    words = VoteWords(classes, card.vote_codes, card.own_raters)
    read_choices({row.id: row.votes for row in rows}, words, filter(None, classes.values()), counts)
    assert counts.rated > 0
    assert counts.unreadable == 0
    assert not counts.left_out


def registry_name(corpus):
    return next(name for name in registry.names("corpora") if name.replace("-", "_") == corpus)

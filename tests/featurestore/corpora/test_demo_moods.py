"""The labels of the demo's turns: exact counts, and a dependence on their neighbours that is counted by hand."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.corpora import _demo_moods, demo
from featurestore.corpora._demo_moods import draw_moods
from featurestore.corpora._demo_texts import LABELS
from featurestore.corpora._demo_turns import DIALOGUES, draw_dialogues


class Hum:
    """Synthesizer that says the same to any text, and for as long as it is told."""

    rate = 16_000

    def __init__(self, length=500):
        self.length = length

    def say(self, text, voice, prosody):
        return np.full(self.length, 1000, np.int16)


def draw_labels(seed, length=500):
    """Return the labels of the demo's turns in order, by session and dialogue."""
    sessions = defaultdict(dict)
    for dialogue, turns in draw_dialogues(demo.PER_LABEL, Hum(length), np.random.default_rng(seed)):
        sessions[dialogue[:5]][dialogue] = [turn.label for turn in turns]
    return sessions


@pytest.fixture(scope="module")
def corpus():
    return draw_labels(demo.SEED)


def count_right_answers(sessions):
    """Return the share of turns whose label is the most frequent one between the same neighbours elsewhere."""
    right = []
    for tested in sessions:
        seen = defaultdict(Counter)
        for session in sessions.keys() - {tested}:
            for before, label, after in list_neighbours(sessions[session]):
                seen[before, after][label] += 1
        for before, label, after in list_neighbours(sessions[tested]):
            counts = seen[before, after]
            best = [each for each in counts if counts[each] == max(counts.values())]
            right.append(best.count(label) / max(len(best), 1))
    return sum(right) / len(right)


def list_neighbours(dialogues):
    for labels in dialogues.values():
        yield from zip([None, *labels], labels, [*labels[1:], None], strict=False)


def share_repeated(sessions, back):
    pairs = [
        pair
        for dialogues in sessions.values()
        for labels in dialogues.values()
        for pair in zip(labels, labels[back:], strict=False)
    ]
    return sum(first == second for first, second in pairs) / len(pairs)


def test_the_neighbours_tell_as_much_as_the_module_says(corpus):
    assert 100 * count_right_answers(corpus) == pytest.approx(43.3, abs=0.05)
    assert 100 * share_repeated(corpus, 1) == pytest.approx(44.4, abs=0.05)
    assert 100 * share_repeated(corpus, 2) == pytest.approx(45.5, abs=0.05)
    assert all(figure in _demo_moods.__doc__ for figure in ("43.3 %", "44.4 %", "45.5 %"))


@pytest.mark.parametrize("seed", range(1, 4))
def test_the_neighbours_tell_a_little_with_any_seed(seed):
    assert 0.33 < count_right_answers(draw_labels(seed)) < 0.52


def test_the_same_labels_in_random_order_tell_nothing(corpus):
    random = np.random.default_rng(0)
    mixed = {
        session: {name: list(random.permutation(labels)) for name, labels in dialogues.items()}
        for session, dialogues in corpus.items()
    }
    assert count_right_answers(mixed) < 0.25


def test_no_session_repeats_the_labels_of_another(corpus):
    assert len({tuple(map(tuple, dialogues.values())) for dialogues in corpus.values()}) == len(corpus) == 5


def test_the_labels_depend_on_the_seed_and_not_on_what_is_spoken(corpus):
    assert draw_labels(demo.SEED, length=700) == corpus
    assert draw_labels(1) != corpus


def test_without_lasting_and_taking_over_the_order_is_random(monkeypatch):
    monkeypatch.setattr(_demo_moods, "LASTING", 0)
    monkeypatch.setattr(_demo_moods, "TAKEN_OVER", 0)
    assert count_right_answers(draw_labels(0)) < 0.25


@given(per_label=st.integers(1, 25), dialogues=st.sampled_from((1, 2, 3, 6)), seed=st.integers(0, 2**32 - 1))
def test_every_speaker_has_every_label_equally_often(per_label, dialogues, seed):
    moods = draw_moods(per_label, dialogues, np.random.default_rng(seed))
    assert moods.shape == (dialogues, per_label * len(LABELS) // dialogues, 2)
    for place in (0, 1):
        assert Counter(moods[:, :, place].ravel()) == dict.fromkeys(LABELS, per_label)
    assert np.array_equal(moods, draw_moods(per_label, dialogues, np.random.default_rng(seed)))


def test_the_corpus_has_the_counts_that_its_card_states(corpus):
    labels = Counter(label for dialogues in corpus.values() for each in dialogues.values() for label in each)
    assert labels == demo.CARD.counts
    assert [len(dialogues) for dialogues in corpus.values()] == [len(DIALOGUES)] * 5
    assert {len(labels) for dialogues in corpus.values() for labels in dialogues.values()} == {40}

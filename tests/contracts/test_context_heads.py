import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurestore import registry
from tests.support.dialogues import (
    CLASSES,
    draw,
    draw_where_context_turns_tell,
    draw_where_the_previous_turn_tells,
    join,
    reorder,
    replace_turns,
)
from tests.support.quick_heads import construct_seeded

HEADS = [head for head in registry.names("heads") if "dialogue" in registry.load("heads", head).TAKES]
# by head, settings that make another network of it
VARIANTS = {
    "bc-lstm": ({"attention": True}, {"layers": 2}),
    "cogmen": ({"variant": "published"},),
    "dialogue-crn": ({"speaker_steps": 1},),
    "dialogue-rnn": ({"attention": False},),
}
CASES = [(head, params) for head in HEADS for params in ({}, *VARIANTS.get(head, ()))]
every_case = pytest.mark.parametrize(
    ("head", "params"),
    CASES,
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value,
)
FLAT = ["logistic", "svm"]
READ_SPEAKERS = [
    head for head in HEADS if ".speakers" in Path(registry.module("heads", head).__file__).read_text("utf-8")
]
LEARN = {"batch_size": 16, "epochs": 13}
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=6)
quick = settings(max_examples=15, deadline=None, derandomize=True)


def fit_a_little(head, causal, params=None):
    """Fit a head once for all tests that only ask it, and stop before its answers are certain."""
    return _fit_a_little(head, causal, tuple((params or {}).items()))


@functools.cache
def _fit_a_little(head, causal, params):
    estimator = construct_seeded(head, **dict(params), causal=causal, batch_size=16, epochs=3)
    return estimator.fit(*draw_where_the_previous_turn_tells(30, seed=0))


def assert_same(first, second):
    np.testing.assert_allclose(first, second, rtol=0, atol=1e-5)


def assert_other(first, second):
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("head", FLAT)
def test_of_vectors_alone_nobody_learns_what_the_previous_turn_tells(head):
    estimator = construct_seeded(head).fit(*draw_where_the_previous_turn_tells(100, seed=0))
    inputs, names = draw_where_the_previous_turn_tells(60, seed=1)
    score = np.mean(estimator.predict(inputs) == names)
    assert abs(score - 1 / len(CLASSES)) < 4 * np.sqrt(2 / 9 / len(names))  # four standard deviations of chance


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_what_the_previous_turn_tells_is_learned(head, causal):
    estimator = construct_seeded(head, causal=causal, **LEARN)
    estimator.fit(*draw_where_the_previous_turn_tells(100, seed=0))
    inputs, names = draw_where_the_previous_turn_tells(60, seed=1)
    assert np.mean(estimator.predict(inputs) == names) > 0.9


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_what_context_turns_tell_is_learned(head, causal):
    estimator = construct_seeded(head, causal=causal, **LEARN).fit(*draw_where_context_turns_tell(100, seed=0))
    inputs, names = draw_where_context_turns_tell(60, seed=1)
    probabilities = estimator.predict_proba(inputs)
    assert probabilities.shape == (len(names), len(CLASSES))  # of the targets alone
    assert np.mean(CLASSES[probabilities.argmax(axis=1)] == names) > 0.9


@pytest.mark.parametrize("head", HEADS)
def test_without_the_context_turns_the_answers_differ(head):
    inputs, _ = draw_where_context_turns_tell(20, seed=1)
    estimator = fit_a_little(head, False)
    alone = estimator.predict_proba(reorder(inputs, inputs.targets))
    assert_other(alone, estimator.predict_proba(inputs))


@pytest.mark.parametrize("causal", [False, True])
@every_case
def test_answers_do_not_depend_on_the_batch_size(head, params, causal):
    inputs, _ = draw_where_the_previous_turn_tells(40, seed=2)
    estimator = fit_a_little(head, causal, params)
    expected = estimator.predict_proba(inputs)
    try:
        for size in (1, 8, 64):
            assert_same(estimator.set_params(batch_size=size).predict_proba(inputs), expected)
    finally:
        estimator.set_params(batch_size=16)


@pytest.mark.parametrize("causal", [False, True])
@every_case
def test_answers_depend_on_neither_the_order_of_rows_nor_other_dialogues(head, params, causal):
    estimator = fit_a_little(head, causal, params)

    @quick
    @given(LENGTHS, st.integers(0, 1000))
    def hold(lengths, seed):
        inputs, _ = draw(lengths, seed)
        order = np.random.default_rng(seed).permutation(len(inputs))
        expected = estimator.predict_proba(inputs)
        assert_same(estimator.predict_proba(reorder(inputs, order)), expected[order])
        first = np.arange(lengths[0])
        assert_same(estimator.predict_proba(reorder(inputs, first)), expected[first])

    hold()


@every_case
def test_a_causal_head_does_not_look_ahead(head, params):
    estimator = fit_a_little(head, True, params)

    @quick
    @given(st.integers(2, 9), st.data())
    def hold(length, data):
        now = data.draw(st.integers(0, length - 2))
        inputs, _ = draw([length], seed=length)
        expected = estimator.predict_proba(inputs)[: now + 1]
        cut = reorder(inputs, np.arange(now + 1))
        assert_same(estimator.predict_proba(cut), expected)
        assert_same(estimator.predict_proba(change_after(inputs, now))[: now + 1], expected)

    hold()


@every_case
def test_a_head_that_is_not_causal_looks_ahead(head, params):
    (inputs, _), now = draw([6]), 2
    estimator = fit_a_little(head, False, params)
    changed = estimator.predict_proba(change_after(inputs, now))[: now + 1]
    assert_other(changed, estimator.predict_proba(inputs)[: now + 1])


def change_after(inputs, now):
    """Let later turns of one dialogue say something else, by somebody else."""
    vectors, speakers = inputs.X.copy(), inputs.turns.speaker.astype(object)
    vectors[now + 1 :] = 3 - vectors[now + 1 :]
    speakers[now + 1 :] = "somebody else"
    return replace_turns(replace(inputs, X=vectors), speaker=speakers.astype(str))


@pytest.mark.parametrize("head", HEADS)
def test_it_describes_what_it_looks_at(head):
    described = [construct_seeded(head, causal=causal).describe_context() for causal in (False, True)]
    assert described == ["whole dialogue", "past turns"]


@pytest.mark.parametrize("head", HEADS)
def test_the_names_of_speakers_and_dialogues_and_the_gaps_between_turns_do_not_matter(head):
    inputs, _ = draw([5, 8, 3])
    turns = inputs.turns
    renamed = replace_turns(
        inputs,
        speaker=np.char.add(np.where(turns.speaker == "speaker 0", "z of ", "a of "), turns.dialogue),
        dialogue=np.char.add("the ", turns.dialogue),
        position=turns.position**2,
    )
    estimator = fit_a_little(head, False)
    assert_same(estimator.predict_proba(renamed), estimator.predict_proba(inputs))


@pytest.mark.parametrize("head", HEADS)
def test_who_speaks_matters_to_heads_that_read_it_and_to_no_other(head):
    lengths, vectors = [8, 8], draw([8, 8])[0].X
    estimator = fit_a_little(head, False)
    in_turn, in_pairs = (
        estimator.predict_proba(join(vectors, lengths, speakers=np.resize(speakers, 16)))
        for speakers in (["she", "he"], ["she", "she", "he", "he"])
    )
    (assert_other if head in READ_SPEAKERS else assert_same)(in_turn, in_pairs)


@pytest.mark.parametrize("head", HEADS)
def test_turns_of_unknown_speakers_are_those_of_one_speaker(head):
    inputs, _ = draw([5, 8, 3])
    estimator = fit_a_little(head, False)
    nobody, somebody = (
        estimator.predict_proba(replace_turns(inputs, speaker=np.full(len(inputs), name))) for name in ("", "she")
    )
    assert np.array_equal(nobody, somebody)
    assert np.isfinite(nobody).all()


@pytest.mark.parametrize("head", READ_SPEAKERS)
def test_what_the_previous_turn_tells_is_learned_where_no_speaker_is_known(head):
    (training, names), (test, expected) = (draw_where_the_previous_turn_tells(*one) for one in ((100, 0), (60, 1)))
    nobody = [replace_turns(one, speaker=np.full(len(one.X), "")) for one in (training, test)]
    estimator = construct_seeded(head, **LEARN).fit(nobody[0], names)
    assert np.mean(estimator.predict(nobody[1]) == expected) > 0.9


@pytest.mark.parametrize("head", HEADS)
def test_a_row_alone_is_a_dialogue_of_one_turn(head):
    inputs, _ = draw([1] * 5)
    estimator = fit_a_little(head, False)
    expected = estimator.predict_proba(inputs)
    assert_same(estimator.predict_proba(inputs.X), expected)
    assert_same(estimator.predict_proba(replace(inputs, turns=None)), expected)
    assert_same(estimator.predict_proba(inputs.X[:1]), expected[:1])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_weights_of_a_head_of_dialogues_come_back(head, causal, tmp_path):
    inputs, _ = draw([5, 8, 3])
    saved = fit_a_little(head, causal)
    saved.save_weights(tmp_path)
    loaded = construct_seeded(head, causal=causal)
    loaded.classes_, loaded.n_features_in_ = saved.classes_, saved.n_features_in_
    loaded.load_weights(tmp_path)
    assert np.array_equal(
        loaded.predict_proba(inputs), saved.set_params(batch_size=loaded.batch_size).predict_proba(inputs)
    )
    saved.set_params(batch_size=16)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heads.emocaps import EmoCapsHead
from tests.support.generated_dialogues import (
    check_batches,
    count_changes,
    draw_dialogues,
    draw_product,
    predict_plainly,
)
from tests.support.plain_networks import layer_norm, linear, read_weights, recur, relu, step_lstm

LENGTHS = (1, 9, 4, 2, 7)
SMALL = {
    "width": 6,
    "emotion": 3,
    "hidden": 5,
    "epochs": 30,
    "learning_rate": 1e-2,
    "validation_fraction": 0.0,
    "random_state": 0,
}
AUDIO = (("audio.mean", "audio", 3),)
BOTH = (*AUDIO, ("text.mean", "text", 4))
UNKNOWN = (("a", "", 3), ("b", "", 4))
# by features, the blocks that are the sentence vector
SENTENCES = [(AUDIO, [0]), (BOTH, [1]), (UNKNOWN, [0, 1])]


def fit(features=BOTH, **params):
    inputs, names = draw_dialogues(LENGTHS, features=features)
    return EmoCapsHead(**SMALL | params).fit(inputs, names), inputs


FITTED, _ = fit()


def answer_plainly(head, sentence):
    """Compute the formulas turn by turn, with a head's weights and the blocks that are the sentence vector."""
    weights = read_weights(head.network_)

    def map_to_emotion(name, x):
        x = linear(weights, f"{name}.project", x)
        x = layer_norm(weights, f"{name}.norm_attended", x + linear(weights, f"{name}.attend", x))
        inner = relu(linear(weights, f"{name}.inner", x))
        x = layer_norm(weights, f"{name}.norm_mapped", x + linear(weights, f"{name}.outer", inner))
        return linear(weights, f"{name}.emotion", x)

    def answer(blocks, speakers):
        emotions = [map_to_emotion(f"emoformers.{number}", block) for number, block in enumerate(blocks)]
        capsules = np.hstack(emotions + [blocks[number] for number in sentence])
        states = recur(weights, "lstm", capsules, step_lstm, head.layers, head.causal)
        return linear(weights, "output", relu(linear(weights, "linear", states)))

    return answer


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("features", "sentence"), SENTENCES)
def test_it_is_the_formulas_turn_by_turn(features, sentence, causal):
    head, inputs = fit(features, causal=causal)
    plain = predict_plainly(head, inputs, answer_plainly(head, sentence))
    np.testing.assert_allclose(head.predict_proba(inputs), plain, atol=1e-5)
    assert np.ptp(plain, axis=0).min() > 0.01


@settings(max_examples=8, deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=70), seed=st.integers(0, 2**16))
def test_an_answer_depends_on_its_dialogue_alone(lengths, seed):
    check_batches(FITTED, lengths, seed)


def test_later_turns_change_no_earlier_answer_of_a_causal_head():
    inputs, _ = draw_dialogues([8] * 5, seed=1)
    assert count_changes(fit(causal=True)[0], inputs, 4) == 0
    assert count_changes(fit()[0], inputs, 4) > 15


def test_it_learns_what_only_both_modalities_tell():
    (inputs, names), (unseen, expected) = draw_product(400), draw_product(400, seed=1)
    head = EmoCapsHead(width=16, emotion=8, hidden=16, learning_rate=1e-2, random_state=0).fit(inputs, names)
    assert head.score(unseen, expected) > 0.9


def test_features_of_one_modality_are_joined():
    joined, inputs = fit()
    parts, names = draw_dialogues(LENGTHS, features=(*AUDIO, ("text.a", "text", 1), ("text.b", "text", 3)))
    apart = EmoCapsHead(**SMALL).fit(parts, names)
    assert np.array_equal(apart.predict_proba(parts), joined.predict_proba(inputs))


def test_blocks_of_other_modalities_are_refused():
    inputs, _ = draw_dialogues(LENGTHS, features=(("text.mean", "text", 3), ("audio.mean", "audio", 4)))
    with pytest.raises(ValueError, match="inputs are of .*'text.mean', 'text', .3.*, and the head was fitted on .*"):
        FITTED.predict_proba(inputs)


def test_it_needs_the_text_of_a_store():
    assert FITTED.list_modalities() == ("text",)


@pytest.mark.parametrize("name", ["width", "emotion", "hidden", "layers"])
def test_parameters_out_of_range_raise(name):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got 0"):
        fit(**{name: 0})

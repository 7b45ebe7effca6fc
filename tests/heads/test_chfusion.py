from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heads.chfusion import CHFusionHead
from heads.logistic import LogisticHead
from tests.support.generated_dialogues import (
    check_batches,
    count_changes,
    draw_dialogues,
    draw_product,
    predict_plainly,
)
from tests.support.plain_networks import linear, read_weights, recur, relu, step_gru

LENGTHS = (1, 9, 4, 2, 7)
SMALL = {"width": 6, "hidden": 5, "epochs": 8, "learning_rate": 1e-2, "validation_fraction": 0.0, "random_state": 0}
ONE = (("audio.mean", "audio", 3),)
TWO = (*ONE, ("text.mean", "text", 4))
THREE = (*TWO, ("video.mean", "video", 2))
FOUR = tuple((name, "", width) for name, width in (("a", 3), ("b", 4), ("c", 2), ("d", 3)))


def fit(features=TWO, **params):
    inputs, names = draw_dialogues(LENGTHS, features=features)
    return CHFusionHead(**SMALL | params).fit(inputs, names), inputs


FITTED, _ = fit()


def answer_plainly(head):
    """Compute the published formulas turn by turn, with a head's weights."""
    weights = read_weights(head.network_)

    def fuse(name, values):
        return np.tanh(
            sum(w * x for w, x in zip(weights[f"{name}.weights"], values, strict=True)) + weights[f"{name}.bias"]
        )

    def read(name, x):
        return recur(weights, name, x, step_gru, causal=head.causal)

    def answer(blocks, speakers):
        x = [np.tanh(linear(weights, f"dense.{number}", block)) for number, block in enumerate(blocks)]
        x = [fuse(f"fuse_pairs.{number}", pair) for number, pair in enumerate(combinations(x, 2))] or x
        if len(x) > 1:
            pairs = [(f"read_pairs.{number}", pair) for number, pair in enumerate(x)]
            x = [
                fuse(
                    "fuse_all",
                    [np.tanh(linear(weights, f"{name}.linear", read(f"{name}.gru", pair))) for name, pair in pairs],
                )
            ]
        joined = np.hstack([x[0], read("read_all", x[0])])
        return linear(weights, "output", relu(linear(weights, "linear", joined)))

    return answer


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("features", [ONE, TWO, THREE, FOUR])
def test_it_is_the_formulas_turn_by_turn(features, causal):
    head, inputs = fit(features, causal=causal)
    plain = predict_plainly(head, inputs, answer_plainly(head))
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
    head = CHFusionHead(width=32, hidden=16, learning_rate=1e-2, random_state=0).fit(inputs, names)
    assert head.score(unseen, expected) > 0.9
    assert LogisticHead().fit(inputs, names).score(unseen, expected) < 0.6


def test_features_of_one_modality_are_joined():
    joined, inputs = fit()
    parts, names = draw_dialogues(
        LENGTHS, features=(("audio.mean", "audio", 3), ("text.a", "text", 1), ("text.b", "text", 3))
    )
    apart = CHFusionHead(**SMALL).fit(parts, names)
    assert np.array_equal(apart.predict_proba(parts), joined.predict_proba(inputs))


def test_blocks_of_other_modalities_are_refused():
    inputs, _ = draw_dialogues(LENGTHS, features=(("text.mean", "text", 3), ("audio.mean", "audio", 4)))
    with pytest.raises(ValueError, match="inputs are of .*'text.mean', 'text', .3.*, and the head was fitted on .*"):
        FITTED.predict_proba(inputs)


def test_a_plain_matrix_is_read_as_the_blocks_that_it_was_fitted_on():
    inputs, _ = draw_dialogues([1] * 6)
    np.testing.assert_allclose(FITTED.predict_proba(inputs.X), FITTED.predict_proba(inputs), atol=1e-6)


def test_it_needs_two_modalities_of_a_store():
    assert FITTED.list_modalities() == ("audio", "text")


@pytest.mark.parametrize("name", ["width", "hidden"])
def test_parameters_out_of_range_raise(name):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got 0"):
        fit(**{name: 0})

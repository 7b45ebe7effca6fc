from itertools import combinations

import numpy as np
import pytest

from heads.chfusion import CHFusionHead
from heads.logistic import LogisticHead
from tests.support.dialogues import FEATURES, draw, draw_product
from tests.support.plain_networks import answer_dialogues, relu

LENGTHS = (1, 9, 4, 2, 7)
SMALL = {
    "width": 16,
    "hidden": 5,
    "epochs": 20,
    "dropout": 0.0,
    "learning_rate": 1e-2,
    "validation_fraction": 0.0,
    "random_state": 0,
}
ONE = FEATURES[:1]
THREE = (*FEATURES, ("video.mean", "video", 2))
FOUR = tuple((name, "", width) for name, width in (("a", 3), ("b", 4), ("c", 2), ("d", 3)))


def fit(features=FEATURES, **params):
    inputs, names = draw(LENGTHS, features=features)
    return CHFusionHead(**SMALL | params).fit(inputs, names), inputs


FITTED, _ = fit()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("features", [ONE, FEATURES, THREE, FOUR])
def test_it_is_the_formulas_turn_by_turn(features, causal):
    def fuse(plain, name, values):
        weights, bias = (plain.weights[f"{name}.{part}"] for part in ("weights", "bias"))
        return np.tanh(sum(w * x for w, x in zip(weights, values, strict=True)) + bias)

    def read(plain, name, x):
        return np.tanh(plain.linear(f"{name}.linear", plain.gru(f"{name}.gru", x, both=not causal)))

    def run_plainly(plain, blocks, speakers):
        x = [np.tanh(plain.linear(f"dense.{number}", block)) for number, block in enumerate(blocks)]
        x = [fuse(plain, f"fuse_pairs.{number}", pair) for number, pair in enumerate(combinations(x, 2))] or x
        if len(x) > 1:
            x = [fuse(plain, "fuse_all", [read(plain, f"read_pairs.{number}", one) for number, one in enumerate(x)])]
        joined = np.hstack([x[0], plain.gru("read_all", x[0], both=not causal)])
        return plain.linear("output", relu(plain.linear("linear", joined)))

    head, inputs = fit(features, causal=causal)
    plain = answer_dialogues(head, inputs, run_plainly)
    np.testing.assert_allclose(head.predict_proba(inputs), plain, atol=1e-5)
    assert np.ptp(plain, axis=0).min() > 0.01


def test_it_learns_what_only_both_modalities_tell():
    (inputs, names), (unseen, expected) = draw_product(400), draw_product(400, seed=1)
    head = CHFusionHead(width=32, hidden=16, learning_rate=1e-2, random_state=0).fit(inputs, names)
    assert head.score(unseen, expected) > 0.9
    assert LogisticHead().fit(inputs, names).score(unseen, expected) < 0.6


def test_features_of_one_modality_are_joined():
    joined, inputs = fit()
    parts, names = draw(LENGTHS, features=(("audio.mean", "audio", 3), ("text.a", "text", 1), ("text.b", "text", 3)))
    apart = CHFusionHead(**SMALL).fit(parts, names)
    assert np.array_equal(apart.predict_proba(parts), joined.predict_proba(inputs))


def test_blocks_of_other_modalities_are_refused():
    inputs, _ = draw(LENGTHS, features=(("text.mean", "text", 3), ("audio.mean", "audio", 4)))
    with pytest.raises(ValueError, match="inputs are of .*'text.mean', 'text', .3.*, and the head was fitted on .*"):
        FITTED.predict_proba(inputs)


def test_a_plain_matrix_is_read_as_the_blocks_that_it_was_fitted_on():
    inputs, _ = draw([1] * 6)
    np.testing.assert_allclose(FITTED.predict_proba(inputs.X), FITTED.predict_proba(inputs), atol=1e-6)


def test_it_needs_two_modalities_of_a_store():
    assert FITTED.list_modalities() == ("audio", "text")


@pytest.mark.parametrize("name", ["width", "hidden"])
def test_parameters_out_of_range_raise(name):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got 0"):
        fit(**{name: 0})

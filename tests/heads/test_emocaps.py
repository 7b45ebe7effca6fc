import numpy as np
import pytest

from heads.emocaps import EmoCapsHead
from tests.support.dialogues import FEATURES, draw, draw_product
from tests.support.plain_networks import answer_dialogues, relu

LENGTHS = (1, 9, 4, 2, 7)
SMALL = {
    "width": 6,
    "emotion": 3,
    "hidden": 5,
    "epochs": 20,
    "learning_rate": 1e-2,
    "validation_fraction": 0.0,
    "random_state": 0,
}
AUDIO = FEATURES[:1]
UNKNOWN = (("a", "", 3), ("b", "", 4))
# by features, the blocks that are the sentence vector
SENTENCES = [(AUDIO, [0]), (FEATURES, [1]), (UNKNOWN, [0, 1])]


def fit(features=FEATURES, **params):
    inputs, names = draw(LENGTHS, features=features)
    return EmoCapsHead(**SMALL | params).fit(inputs, names), inputs


FITTED, _ = fit()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("features", "sentence"), SENTENCES)
def test_it_is_the_formulas_turn_by_turn(features, sentence, causal):
    def map_to_emotion(plain, name, x):
        x = plain.linear(f"{name}.project", x)
        x = plain.normalize(f"{name}.norm_attended", x + plain.linear(f"{name}.attend", x))
        inner = relu(plain.linear(f"{name}.inner", x))
        x = plain.normalize(f"{name}.norm_mapped", x + plain.linear(f"{name}.outer", inner))
        return plain.linear(f"{name}.emotion", x)

    def run_plainly(plain, blocks, speakers):
        emotions = [map_to_emotion(plain, f"emoformers.{number}", block) for number, block in enumerate(blocks)]
        capsules = np.hstack(emotions + [blocks[number] for number in sentence])
        states = plain.lstm("lstm", capsules, layers=2, both=not causal)
        return plain.linear("output", relu(plain.linear("linear", states)))

    head, inputs = fit(features, causal=causal)
    plain = answer_dialogues(head, inputs, run_plainly)
    np.testing.assert_allclose(head.predict_proba(inputs), plain, atol=1e-5)
    assert np.ptp(plain, axis=0).min() > 0.01


def test_it_learns_what_only_both_modalities_tell():
    (inputs, names), (unseen, expected) = draw_product(400), draw_product(400, seed=1)
    head = EmoCapsHead(width=16, emotion=8, hidden=16, layers=1, epochs=30, learning_rate=1e-2, random_state=0).fit(
        inputs, names
    )
    assert head.score(unseen, expected) > 0.9


def test_features_of_one_modality_are_joined():
    joined, inputs = fit()
    parts, names = draw(LENGTHS, features=(*AUDIO, ("text.a", "text", 1), ("text.b", "text", 3)))
    apart = EmoCapsHead(**SMALL).fit(parts, names)
    assert np.array_equal(apart.predict_proba(parts), joined.predict_proba(inputs))


def test_blocks_of_other_modalities_are_refused():
    inputs, _ = draw(LENGTHS, features=(("text.mean", "text", 3), ("audio.mean", "audio", 4)))
    with pytest.raises(ValueError, match="inputs are of .*'text.mean', 'text', .3.*, and the head was fitted on .*"):
        FITTED.predict_proba(inputs)


def test_it_needs_the_text_of_a_store():
    assert FITTED.list_modalities() == ("text",)


@pytest.mark.parametrize("name", ["width", "emotion", "hidden", "layers"])
def test_parameters_out_of_range_raise(name):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got 0"):
        fit(**{name: 0})

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from heads import Block, Inputs
from heads.layers import LayersHead
from tests.support.plain_networks import answer_utterances, relu, softmax
from tests.support.utterances import draw_layers, make_layer_inputs

RNG = np.random.default_rng(0)
NAMES = np.array(["angry", "happy", "sad"] * 4)
BLOCKS = (Block("audio.layers", "audio", (3, 4)), Block("text.layers", "text", (2, 5)), Block("a.mean", "audio", (6,)))
INPUTS = Inputs(RNG.normal(size=(12, 28)).astype(np.float32), BLOCKS)
SETTINGS = {"validation_fraction": 0.0, "device": "cpu", "random_state": 0}


@pytest.mark.parametrize("hidden", [0, 7])
def test_the_network_follows_the_equations(hidden):
    def run_plainly(layers, *blocks):
        sums = []
        for number, values in enumerate(blocks):
            shares = softmax(head.layer_speed * layers.weights[f"scores.{number}"])
            sums.append(sum(share * layer for share, layer in zip(shares, np.split(values, len(shares)), strict=True)))
        vector = np.concatenate(sums)
        return layers.linear("output", relu(layers.linear("hidden", vector)) if hidden else vector)

    head = LayersHead(hidden=hidden, epochs=5, learning_rate=0.03, **SETTINGS).fit(INPUTS, NAMES)
    np.testing.assert_allclose(head.predict_proba(INPUTS), answer_utterances(head, INPUTS, run_plainly), atol=1e-5)


def test_weights_of_the_layers_can_be_read_and_come_back(tmp_path):
    head = LayersHead(epochs=5, **SETTINGS).fit(INPUTS, NAMES)
    assert {name: weights.shape for name, weights in head.layer_weights_.items()} == {
        "audio.layers": (3,),
        "text.layers": (2,),
        "a.mean": (1,),
    }
    assert all(weights.sum() == pytest.approx(1, abs=1e-6) for weights in head.layer_weights_.values())
    assert head.layer_weights_["audio.layers"].std() > 0
    head.save_weights(tmp_path)
    loaded = LayersHead()
    loaded.classes_, loaded.n_features_in_ = head.classes_, head.n_features_in_
    loaded.load_weights(tmp_path)
    for name, weights in head.layer_weights_.items():
        assert np.array_equal(loaded.layer_weights_[name], weights)


def test_no_weights_before_fit():
    assert not hasattr(LayersHead(), "layer_weights_")


def test_weights_start_equal():
    head = LayersHead(epochs=1, learning_rate=1e-9, **SETTINGS).fit(INPUTS, NAMES)
    np.testing.assert_allclose(head.layer_weights_["audio.layers"], 1 / 3, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_finds_the_one_layer_that_tells_the_classes_apart(seed):
    random = np.random.default_rng(seed)
    (values, names), (others, answers) = draw_layers(random, 120), draw_layers(random, 400)
    head = LayersHead(device="cpu", random_state=seed).fit(make_layer_inputs(values), names)
    assert head.score(make_layer_inputs(others), answers) > 0.9
    assert head.layer_weights_["audio.layers"].argmax() == 7
    assert head.layer_weights_["audio.layers"].max() > 0.9

    flat = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    mean = flat.fit(values.mean(axis=1), names).score(others.mean(axis=1), answers)
    columns = flat.fit(values.reshape(120, -1), names).score(others.reshape(400, -1), answers)
    assert mean < 0.35  # chance is 0.25
    assert columns < 0.85


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hidden": -1}, "hidden must be an integer of at least 0, got -1"),
        ({"layer_speed": 0}, "layer_speed must be a number above 0, got 0"),
    ],
)
def test_wrong_settings_raise(params, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        LayersHead(**params).fit(INPUTS, NAMES)

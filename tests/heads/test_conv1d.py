import numpy as np
import pytest

from heads import Block, Inputs
from heads.conv1d import Conv1dHead
from tests.support.plain_networks import answer_utterances, relu
from tests.support.quick_heads import as_inputs

RNG = np.random.default_rng(0)
NAMES = np.array(["angry", "happy", "sad"] * 4)
SETTINGS = {"epochs": 3, "learning_rate": 0.03, "validation_fraction": 0.0, "device": "cpu", "random_state": 0}


def run_plainly(layers, columns):
    maps = columns[:, None]  # (D, channels)
    for number in range(2):
        maps = relu(layers.convolve(f"convolutions.{3 * number}", maps))
        maps = np.array([maps[start : start + 2].max(axis=0) for start in range(0, len(maps), 2)])
    return layers.linear("output", maps.T.ravel())


@pytest.mark.parametrize("width", [1, 2, 7, 16])
def test_the_network_follows_the_equations(width):
    X = RNG.normal(size=(12, width)).astype(np.float32)
    head = Conv1dHead(channels=(3, 4), **SETTINGS).fit(X, NAMES)
    expected = answer_utterances(head, as_inputs(X), run_plainly)
    np.testing.assert_allclose(head.predict_proba(X), expected, atol=1e-5)


def test_features_stand_side_by_side():
    X = RNG.normal(size=(12, 9)).astype(np.float32)
    blocks = (Block("mfcc.functionals", "audio", (4,)), Block("pitch.functionals", "audio", (5,)))
    head = Conv1dHead(channels=(3,), **SETTINGS)
    joined = head.fit(Inputs(X, blocks), NAMES).predict_proba(Inputs(X, blocks))
    np.testing.assert_array_equal(head.fit(X, NAMES).predict_proba(X), joined)


def test_wrong_channels_raise():
    with pytest.raises(ValueError, match=r"^channels must be a list of widths above 0, got \(32, 0\)$"):
        Conv1dHead(channels=(32, 0)).fit(RNG.normal(size=(12, 4)), NAMES)

import numpy as np
import pytest

from heads import Block, Inputs
from heads.conv1d import Conv1dHead
from tests.support.plain_clips import apply_linear, read_weights, scale, softmax

RNG = np.random.default_rng(0)
NAMES = np.array(["angry", "happy", "sad"] * 4)
SETTINGS = {"epochs": 3, "learning_rate": 0.03, "validation_fraction": 0.0, "device": "cpu", "random_state": 0}


def predict_plainly(head, X):
    """Classify one row after the other."""
    weights = read_weights(head.network_)
    answers = []
    for row in scale(X, head.scaling_[0]):
        maps = row[None]
        for number in range(len(head.channels)):
            name = f"convolutions.{3 * number}"
            maps = pool(convolve(maps, weights[f"{name}.weight"], weights[f"{name}.bias"]))
        answers.append(softmax(apply_linear(maps.ravel(), weights, "output")))
    return np.array(answers)


def convolve(maps, kernels, bias):
    """Slide filters of 5 columns over maps (channels, D), with ReLU."""
    outputs = np.tile(bias[:, None], maps.shape[1])
    for place in range(maps.shape[1]):
        for offset in range(-2, 3):
            if 0 <= place + offset < maps.shape[1]:
                outputs[:, place] += kernels[:, :, offset + 2] @ maps[:, place + offset]
    return np.maximum(outputs, 0)


def pool(maps):
    """Keep the larger of two neighbours."""
    return np.stack([maps[:, start : start + 2].max(axis=1) for start in range(0, maps.shape[1], 2)], axis=1)


@pytest.mark.parametrize("width", [1, 2, 7, 16])
def test_the_network_follows_the_equations(width):
    X = RNG.normal(size=(12, width)).astype(np.float32)
    head = Conv1dHead(channels=(3, 4), **SETTINGS).fit(X, NAMES)
    np.testing.assert_allclose(head.predict_proba(X), predict_plainly(head, X), atol=1e-5)


def test_features_stand_side_by_side():
    X = RNG.normal(size=(12, 9)).astype(np.float32)
    blocks = (Block("mfcc.functionals", "audio", (4,)), Block("pitch.functionals", "audio", (5,)))
    head = Conv1dHead(channels=(3,), **SETTINGS)
    joined = head.fit(Inputs(X, blocks), NAMES).predict_proba(Inputs(X, blocks))
    np.testing.assert_array_equal(head.fit(X, NAMES).predict_proba(X), joined)


def test_wrong_channels_raise():
    with pytest.raises(ValueError, match=r"^channels must be a list of widths above 0, got \(32, 0\)$"):
        Conv1dHead(channels=(32, 0)).fit(RNG.normal(size=(12, 4)), NAMES)

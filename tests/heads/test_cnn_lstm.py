import numpy as np
import pytest

from heads.cnn_lstm import CNNLSTMHead
from tests.support.plain_networks import answer_utterances, softmax, take_last
from tests.support.utterances import draw_frames, make_inputs

RNG = np.random.default_rng(0)
LENGTHS = [1, 2, 3, 4, 5, 7, 8, 13]
NAMES = np.array(["angry", "happy", "sad"])[np.arange(len(LENGTHS)) % 3]
SETTINGS = {
    "hidden": 5,
    "epochs": 2,
    "learning_rate": 0.03,
    "validation_fraction": 0.0,
    "device": "cpu",
    "random_state": 0,
}


def draw_clips():
    return {"audio": draw_frames(RNG, LENGTHS, 7), "text": draw_frames(RNG, LENGTHS[::-1], 4)}


def convolve(frames, kernels, bias, stride):
    """Slide 3 x 3 filters over maps (channels, T, D), `stride` frames and 2 dimensions at a time, with ReLU."""
    _, length, width = frames.shape
    steps, places = -(-length // stride), -(-width // 2)
    maps = np.zeros((len(kernels), steps, places))
    for step in range(steps):
        for place in range(places):
            for along in range(3):
                for across in range(3):
                    time, dimension = step * stride + along - 1, 2 * place + across - 1
                    if 0 <= time < length and 0 <= dimension < width:
                        maps[:, step, place] += kernels[:, :, along, across] @ frames[:, time, dimension]
    return np.maximum(maps + bias[:, None, None], 0)


def encode_with_convolutions(layers, encoder, frames, strides):
    maps = frames[None]
    for number, stride in enumerate(strides):
        kernels, bias = (layers.weights[f"{encoder}.convolutions.{number}.{part}"] for part in ("weight", "bias"))
        maps = convolve(maps, kernels, bias, stride)
    steps = maps.transpose(1, 0, 2).reshape(maps.shape[1], -1)
    return take_last(layers.lstm(f"{encoder}.lstm", steps, both=True))


def encode_with_attention(layers, encoder, frames, depth):
    states = layers.lstm(f"{encoder}.lstm", frames, layers=depth, both=True)
    return softmax(layers.linear(f"{encoder}.score", states)[:, 0]) @ states


def check(head, encode, *settings):
    """Fit a head, and compare its answers with those of a plain encoder of each feature of frames."""

    def run_plainly(layers, *features):
        vectors = [encode(layers, f"encoders.{number}", frames, *settings) for number, frames in enumerate(features)]
        return layers.linear("output", np.concatenate(vectors))

    inputs = make_inputs(draw_clips())
    head.fit(inputs, NAMES)
    np.testing.assert_allclose(head.predict_proba(inputs), answer_utterances(head, inputs, run_plainly), atol=1e-5)


@pytest.mark.parametrize("strides", [(2, 2, 1, 1), (1,), (3, 2)])
def test_convolutions_follow_the_equations(strides):
    channels = (3, 4, 2, 2)[: len(strides)]
    check(CNNLSTMHead(channels=channels, strides=strides, **SETTINGS), encode_with_convolutions, strides)


@pytest.mark.parametrize("layers", [1, 2])
def test_attention_follows_the_equations(layers):
    check(CNNLSTMHead(variant="attention-blstm", layers=layers, **SETTINGS), encode_with_attention, layers)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"variant": "gru"}, "variant must be one of 'cnn-lstm', 'attention-blstm', got 'gru'"),
        ({"channels": ()}, r"channels must be a list of widths above 0, got \(\)"),
        ({"strides": (2, 0)}, r"strides must be a list of widths above 0, got \(2, 0\)"),
        ({"channels": (8,)}, r"channels and strides must be of one length, got \(8,\) and \(2, 2, 1, 1\)"),
        ({"hidden": 0}, "hidden must be an integer of at least 1, got 0"),
    ],
)
def test_wrong_settings_raise(params, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        CNNLSTMHead(**params).fit(make_inputs(draw_clips()), NAMES)


@pytest.mark.parametrize("variant", ["cnn-lstm", "attention-blstm"])
def test_it_reads_speech(variant):
    assert CNNLSTMHead(variant=variant).list_modalities() == ("audio",)

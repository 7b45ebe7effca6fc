import numpy as np
import pytest

from heads.cnn_lstm import CNNLSTMHead
from tests.support.plain_clips import apply_linear, read_weights, run_both_ways, run_lstm, scale, softmax
from tests.support.sequences import draw_frames, make_inputs

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


def encode_with_convolutions(frames, weights, encoder, strides):
    maps = frames[None]
    for number, stride in enumerate(strides):
        name = f"{encoder}.convolutions.{number}"
        maps = convolve(maps, weights[f"{name}.weight"], weights[f"{name}.bias"], stride)
    steps = maps.transpose(1, 0, 2).reshape(maps.shape[1], -1)
    forwards, backwards = (
        run_lstm(steps, weights, f"{encoder}.lstm", backwards=backwards) for backwards in (False, True)
    )
    return np.concatenate([forwards[-1], backwards[0]])


def encode_with_attention(frames, weights, encoder, layers):
    states = run_both_ways(frames, weights, f"{encoder}.lstm", layers)
    scores = apply_linear(states, weights, f"{encoder}.score")[:, 0]
    return softmax(scores) @ states


def predict_plainly(head, clips, encode):
    """Classify one clip after the other."""
    weights = read_weights(head.network_)
    answers = []
    for row in zip(*clips.values(), strict=True):
        vectors = [
            encode(scale(frames, scaling), weights, f"encoders.{number}")
            for number, (frames, scaling) in enumerate(zip(row, head.scaling_, strict=True))
        ]
        answers.append(softmax(apply_linear(np.concatenate(vectors), weights, "output")))
    return np.array(answers)


@pytest.mark.parametrize("strides", [(2, 2, 1, 1), (1,), (3, 2)])
def test_convolutions_follow_the_equations(strides):
    clips = draw_clips()
    head = CNNLSTMHead(channels=(3, 4, 2, 2)[: len(strides)], strides=strides, **SETTINGS).fit(
        make_inputs(clips), NAMES
    )
    expected = predict_plainly(head, clips, lambda *given: encode_with_convolutions(*given, strides))
    np.testing.assert_allclose(head.predict_proba(make_inputs(clips)), expected, atol=1e-5)


@pytest.mark.parametrize("layers", [1, 2])
def test_attention_follows_the_equations(layers):
    clips = draw_clips()
    head = CNNLSTMHead(variant="attention-blstm", layers=layers, **SETTINGS).fit(make_inputs(clips), NAMES)
    expected = predict_plainly(head, clips, lambda *given: encode_with_attention(*given, layers))
    np.testing.assert_allclose(head.predict_proba(make_inputs(clips)), expected, atol=1e-5)


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

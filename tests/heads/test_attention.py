import numpy as np
import pytest

from heads.attention import AttentionHead
from tests.support.plain_networks import answer_utterances, relu, softmax
from tests.support.utterances import draw_frames, make_inputs

RNG = np.random.default_rng(0)
LENGTHS = [1, 2, 3, 5, 8, 13]
CLIPS = {"audio": draw_frames(RNG, LENGTHS, 7), "text": draw_frames(RNG, LENGTHS[::-1], 4)}
NAMES = np.array(["angry", "happy"] * 3)
SETTINGS = {
    "hidden": 5,
    "epochs": 5,
    "learning_rate": 0.03,
    "validation_fraction": 0.0,
    "device": "cpu",
    "random_state": 0,
}


@pytest.mark.parametrize("pooling", ["attention", "mean"])
def test_pooling_follows_the_equations(pooling):
    def run_plainly(layers, *features):
        vectors = []
        for number, frames in enumerate(features):
            hidden = relu(layers.linear(f"project.{number}", frames))
            scores = layers.linear(f"score.{number}", hidden)[:, 0] if pooling == "attention" else np.zeros(len(frames))
            vectors.append(softmax(scores) @ hidden)
        return layers.linear("output", np.concatenate(vectors))

    inputs = make_inputs(CLIPS)
    head = AttentionHead(pooling=pooling, **SETTINGS).fit(inputs, NAMES)
    np.testing.assert_allclose(head.predict_proba(inputs), answer_utterances(head, inputs, run_plainly), atol=1e-5)


def test_frames_behind_the_longest_that_is_read_change_nothing():
    head = AttentionHead(max_frames=3, **SETTINGS).fit(make_inputs(CLIPS), NAMES)
    cut = {modality: [frames[:3] for frames in rows] for modality, rows in CLIPS.items()}
    assert np.array_equal(head.predict_proba(make_inputs(CLIPS)), head.predict_proba(make_inputs(cut)))


def test_a_wrong_pooling_raises():
    with pytest.raises(ValueError, match="^pooling must be one of 'attention', 'mean', got 'max'$"):
        AttentionHead(pooling="max").fit(make_inputs(CLIPS), NAMES)

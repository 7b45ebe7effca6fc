import numpy as np
import pytest

from heads.attention import AttentionHead
from tests.support.plain_clips import apply_linear, read_weights, scale, softmax
from tests.support.sequences import draw_frames, make_inputs

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


def predict_plainly(head):
    """Classify one clip after the other."""
    weights = read_weights(head.network_)
    answers = []
    for row in zip(*CLIPS.values(), strict=True):
        vectors = []
        for number, (frames, scaling) in enumerate(zip(row, head.scaling_, strict=True)):
            hidden = np.maximum(apply_linear(scale(frames, scaling), weights, f"project.{number}"), 0)
            if head.pooling == "mean":
                vectors.append(hidden.mean(axis=0))
            else:
                vectors.append(softmax(apply_linear(hidden, weights, f"score.{number}")[:, 0]) @ hidden)
        answers.append(softmax(apply_linear(np.concatenate(vectors), weights, "output")))
    return np.array(answers)


@pytest.mark.parametrize("pooling", ["attention", "mean"])
def test_pooling_follows_the_equations(pooling):
    head = AttentionHead(pooling=pooling, **SETTINGS).fit(make_inputs(CLIPS), NAMES)
    np.testing.assert_allclose(head.predict_proba(make_inputs(CLIPS)), predict_plainly(head), atol=1e-5)


def test_frames_behind_the_longest_that_is_read_change_nothing():
    head = AttentionHead(max_frames=3, **SETTINGS).fit(make_inputs(CLIPS), NAMES)
    cut = {modality: [frames[:3] for frames in rows] for modality, rows in CLIPS.items()}
    assert np.array_equal(head.predict_proba(make_inputs(CLIPS)), head.predict_proba(make_inputs(cut)))


def test_a_wrong_pooling_raises():
    with pytest.raises(ValueError, match="^pooling must be one of 'attention', 'mean', got 'max'$"):
        AttentionHead(pooling="max").fit(make_inputs(CLIPS), NAMES)

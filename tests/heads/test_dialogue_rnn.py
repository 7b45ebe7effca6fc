import numpy as np
import pytest

from heads.dialogue_rnn import DialogueRNNHead
from tests.support.dialogues import draw
from tests.support.plain_networks import attend, linear, predict, step_gru

LENGTHS = [7, 1, 12, 4, 2]
SIZES = {"global_size": 5, "speaker_size": 4, "emotion_size": 3, "hidden": 6}


def follow(weights, direction, vectors, speakers):
    """Follow the dialogue in the order given, and return the emotion states."""
    of = {name: values[direction] for name, values in weights.items() if name.startswith(("speaker.by", "speaker.g"))}
    bias = weights["speaker.speaker_bias"][direction, 0]
    gates = 3 * SIZES["global_size"]
    state, emotion = np.zeros(SIZES["global_size"]), np.zeros(SIZES["emotion_size"])
    history, emotions = [], []
    parties = {name: np.zeros(SIZES["speaker_size"]) for name in speakers}
    u, c = (weights[f"emotion.{direction}.{part}_hh_l0"] for part in ("weight", "bias"))
    w, b = (weights[f"emotion.{direction}.{part}_ih_l0"] for part in ("weight", "bias"))
    for vector, name in zip(vectors, speakers, strict=True):
        turn, own = linear(weights, f"speaker.turn.{direction}", vector), parties[name]
        context = np.zeros_like(state)
        if history:
            context = attend(linear(weights, f"speaker.query.{direction}", vector), history)
        by_own = own @ of["speaker.by_speaker"]
        state = step_gru(
            turn[:gates] + by_own[:gates], state @ of["speaker.by_global"] + of["speaker.global_bias"][0], state
        )
        parties[name] = step_gru(turn[gates:] + context @ of["speaker.by_context"], by_own[gates:] + bias, own)
        emotion = step_gru(w @ parties[name] + b, u @ emotion + c, emotion)
        history.append(state)
        emotions.append(emotion)
    return emotions


def run_plainly(weights, vectors, speakers, *, attention, causal):
    emotions = follow(weights, 0, vectors, speakers)
    if not causal:
        backward = follow(weights, 1, vectors[::-1], speakers[::-1])[::-1]
        emotions = [np.concatenate(both) for both in zip(emotions, backward, strict=True)]
    for turn, emotion in enumerate(emotions):
        seen = emotions[: turn + 1] if causal else emotions
        context = attend(linear(weights, "query", emotion), seen) if attention else emotion
        yield linear(weights, "output", np.maximum(linear(weights, "linear", context), 0))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("attention", [False, True])
def test_it_is_the_network_that_its_formulas_say(attention, causal):
    inputs = draw(LENGTHS)
    settings = {"attention": attention, "causal": causal}
    head = DialogueRNNHead(
        **SIZES, **settings, epochs=30, learning_rate=0.03, dropout=0.0, random_state=0, device="cpu"
    )
    head.fit(inputs, np.resize(["angry", "happy", "sad"], len(inputs)))
    expected = predict(head, inputs, run_plainly, **settings)
    assert np.ptp(expected, axis=0).min() > 0.1  # the answers differ
    np.testing.assert_allclose(head.predict_proba(inputs), expected, atol=1e-5)


@pytest.mark.parametrize("name", SIZES)
def test_a_size_of_nothing_raises(name):
    with pytest.raises(ValueError, match=f"^{name} must be an integer of at least 1, got 0$"):
        DialogueRNNHead(**{name: 0}).fit(np.eye(4), ["angry", "sad"] * 2)

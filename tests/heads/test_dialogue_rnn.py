import numpy as np
import pytest

from heads.dialogue_rnn import DialogueRNNHead
from tests.support.dialogues import draw
from tests.support.plain_networks import answer_dialogues, attend, relu, step_gru

SIZES = {"global_size": 5, "speaker_size": 4, "emotion_size": 3, "hidden": 6}


def follow(plain, direction, vectors, speakers):
    """Follow the dialogue in the order given, and return the emotion states (T, E)."""
    of = {name: values[direction] for name, values in plain.weights.items() if values.ndim == 3}
    gates = 3 * SIZES["global_size"]
    state, history = np.zeros(SIZES["global_size"]), []
    parties = {name: np.zeros(SIZES["speaker_size"]) for name in speakers}
    spoken = []
    for vector, name in zip(vectors, speakers, strict=True):
        turn, own = plain.linear(f"speaker.turn.{direction}", vector), parties[name]
        query = plain.linear(f"speaker.query.{direction}", vector)
        context = attend(query, history) if history else np.zeros_like(state)
        by_own = own @ of["speaker.by_speaker"]
        by_global = state @ of["speaker.by_global"] + of["speaker.global_bias"][0]
        state, _ = step_gru(turn[:gates] + by_own[:gates], by_global, state)
        parties[name], _ = step_gru(
            turn[gates:] + context @ of["speaker.by_context"], by_own[gates:] + of["speaker.speaker_bias"][0], own
        )
        history.append(state)
        spoken.append(parties[name])
    return plain.gru(f"emotion.{direction}", np.array(spoken))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("attention", [False, True])
def test_it_is_the_network_that_its_formulas_say(attention, causal):
    def run_plainly(plain, blocks, speakers):
        vectors = np.hstack(blocks)
        emotions = follow(plain, 0, vectors, speakers)
        if not causal:
            emotions = np.hstack([emotions, follow(plain, 1, vectors[::-1], speakers[::-1])[::-1]])
        if attention:
            queries = plain.linear("query", emotions)
            ends = [turn + 1 if causal else len(emotions) for turn in range(len(emotions))]
            emotions = np.array([attend(query, emotions[:end]) for query, end in zip(queries, ends, strict=True)])
        return plain.linear("output", relu(plain.linear("linear", emotions)))

    inputs, names = draw([7, 1, 12, 4, 2], speakers=3)
    settings = {"attention": attention, "causal": causal}
    head = DialogueRNNHead(
        **SIZES, **settings, epochs=20, learning_rate=0.03, dropout=0.0, random_state=0, device="cpu"
    )
    head.fit(inputs, names)
    expected = answer_dialogues(head, inputs, run_plainly)
    assert np.ptp(expected, axis=0).min() > 0.1  # the answers differ
    np.testing.assert_allclose(head.predict_proba(inputs), expected, atol=1e-5)


@pytest.mark.parametrize("name", SIZES)
def test_a_size_of_nothing_raises(name):
    with pytest.raises(ValueError, match=f"^{name} must be an integer of at least 1, got 0$"):
        DialogueRNNHead(**{name: 0}).fit(np.eye(4), ["angry", "sad"] * 2)

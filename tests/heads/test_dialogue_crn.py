import numpy as np
import pytest

from heads.dialogue_crn import DialogueCRNHead
from tests.support.dialogues import draw
from tests.support.plain_networks import attend, linear, predict, run_lstm, step_lstm

LENGTHS = [7, 1, 12, 4, 2]


def read_own_turns(weights, vectors, speakers, *, both):
    """Run the LSTM over the turns of each speaker by themselves."""
    contexts = [None] * len(vectors)
    for speaker in set(speakers):
        own = [turn for turn, name in enumerate(speakers) if name == speaker]
        states = run_lstm(weights, "speaker", [vectors[turn] for turn in own], layers=2, both=both)
        for turn, state in zip(own, states, strict=True):
            contexts[turn] = state
    return contexts


def reason(weights, level, context, seen, steps):
    query = linear(weights, "query", context)
    hidden, cell = np.zeros(len(context)), np.zeros(len(context))
    for _ in range(steps):
        w, u, b, c = (
            weights[f"reasoning.{level}.cell.{part}"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        hidden, cell = step_lstm(w @ query + b, u @ hidden + c, cell)
        query = np.concatenate([hidden, attend(hidden, seen)])
    return query


def run_plainly(weights, vectors, speakers, *, steps, causal):
    levels = (
        run_lstm(weights, "situation", vectors, layers=2, both=not causal),
        read_own_turns(weights, vectors, speakers, both=not causal),
    )
    for turn in range(len(vectors)):
        queries = [
            reason(weights, level, contexts[turn], contexts[: turn + 1] if causal else contexts, count)
            for level, (contexts, count) in enumerate(zip(levels, steps, strict=True))
        ]
        yield linear(weights, "output", np.maximum(np.concatenate(queries), 0))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("steps", [(3, 0), (2, 1), (0, 0)])
def test_it_is_the_network_that_its_formulas_say(steps, causal):
    inputs = draw(LENGTHS)
    situation, speaker = steps
    head = DialogueCRNHead(
        hidden=4,
        situation_steps=situation,
        speaker_steps=speaker,
        causal=causal,
        epochs=30,
        learning_rate=0.03,
        dropout=0.0,
        random_state=0,
        device="cpu",
    )
    head.fit(inputs, np.resize(["angry", "happy", "sad"], len(inputs)))
    expected = predict(head, inputs, run_plainly, steps=steps, causal=causal)
    assert np.ptp(expected, axis=0).min() > 0.1  # the answers differ
    np.testing.assert_allclose(head.predict_proba(inputs), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "least"), [("hidden", 1), ("layers", 1), ("situation_steps", 0), ("speaker_steps", 0)]
)
def test_a_setting_out_of_range_raises(name, least):
    with pytest.raises(ValueError, match=f"^{name} must be an integer of at least {least}, got {least - 1}$"):
        DialogueCRNHead(**{name: least - 1}).fit(np.eye(4), ["angry", "sad"] * 2)

import numpy as np
import pytest

from heads.dialogue_crn import DialogueCRNHead
from tests.support.dialogues import draw
from tests.support.plain_networks import answer_dialogues, attend, relu


def read_own_turns(plain, vectors, speakers, *, both):
    """Run the LSTM over the turns of each speaker by themselves."""
    contexts = {}
    for speaker in set(speakers):
        own = [turn for turn, name in enumerate(speakers) if name == speaker]
        contexts |= zip(own, plain.lstm("speaker", vectors[own], layers=2, both=both), strict=True)
    return np.array([contexts[turn] for turn in range(len(vectors))])


def reason(plain, level, context, seen, steps):
    query = plain.linear("query", context)
    hidden, cell = np.zeros(len(context)), np.zeros(len(context))
    for _ in range(steps):
        hidden, cell = plain.step_lstm(f"reasoning.{level}.cell", query, hidden, cell)
        query = np.concatenate([hidden, attend(hidden, seen)])
    return query


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("steps", [(3, 0), (2, 1), (0, 0)])
def test_it_is_the_network_that_its_formulas_say(steps, causal):
    def run_plainly(plain, blocks, speakers):
        vectors = np.hstack(blocks)
        levels = (
            plain.lstm("situation", vectors, layers=2, both=not causal),
            read_own_turns(plain, vectors, speakers, both=not causal),
        )
        outputs = []
        for turn in range(len(vectors)):
            queries = [
                reason(plain, level, contexts[turn], contexts[: turn + 1] if causal else contexts, count)
                for level, (contexts, count) in enumerate(zip(levels, steps, strict=True))
            ]
            outputs.append(plain.linear("output", relu(np.concatenate(queries))))
        return np.array(outputs)

    inputs, names = draw([7, 1, 12, 4, 2], speakers=3)
    head = DialogueCRNHead(
        hidden=4,
        situation_steps=steps[0],
        speaker_steps=steps[1],
        causal=causal,
        epochs=20,
        learning_rate=0.03,
        dropout=0.0,
        random_state=0,
        device="cpu",
    )
    head.fit(inputs, names)
    expected = answer_dialogues(head, inputs, run_plainly)
    assert np.ptp(expected, axis=0).min() > 0.1  # the answers differ
    np.testing.assert_allclose(head.predict_proba(inputs), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "least"), [("hidden", 1), ("layers", 1), ("situation_steps", 0), ("speaker_steps", 0)]
)
def test_a_setting_out_of_range_raises(name, least):
    with pytest.raises(ValueError, match=f"^{name} must be an integer of at least {least}, got {least - 1}$"):
        DialogueCRNHead(**{name: least - 1}).fit(np.eye(4), ["angry", "sad"] * 2)

import numpy as np
import pytest

from heads.bc_lstm import BCLSTMHead
from tests.support.dialogues import draw
from tests.support.plain_networks import answer_dialogues, attend, relu


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_it_is_the_network_that_its_formulas_say(layers, attention, causal):
    def run_plainly(plain, blocks, speakers):
        states = plain.lstm("lstm", np.hstack(blocks), layers=layers, both=not causal)
        if attention:
            queries = plain.linear("query", states)
            ends = [turn + 1 if causal else len(states) for turn in range(len(states))]
            states = np.array([attend(query, states[:end]) for query, end in zip(queries, ends, strict=True)])
        return plain.linear("output", relu(plain.linear("linear", states)))

    inputs, names = draw([7, 1, 12, 4, 2])
    settings = {"layers": layers, "attention": attention, "causal": causal}
    head = BCLSTMHead(hidden=5, epochs=30, learning_rate=0.03, dropout=0.0, random_state=0, device="cpu", **settings)
    head.fit(inputs, names)
    expected = answer_dialogues(head, inputs, run_plainly)
    assert np.ptp(expected, axis=0).min() > 0.1  # the answers differ
    np.testing.assert_allclose(head.predict_proba(inputs), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["hidden", "layers"])
def test_a_size_of_nothing_raises(name):
    with pytest.raises(ValueError, match=f"^{name} must be an integer of at least 1, got 0$"):
        BCLSTMHead(**{name: 0}).fit(np.eye(4), ["angry", "sad"] * 2)

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from heads.cogmen import COGMENHead
from tests.support.dialogues import draw, replace_turns
from tests.support.plain_networks import answer_dialogues, attend_to_all, relu

SMALL = {
    "feedforward": 12,
    "hidden": 6,
    "graph_heads": 2,
    "window": 2,
    "epochs": 8,
    "learning_rate": 1e-2,
    "validation_fraction": 0.0,
    "random_state": 0,
}


def relate(source, target, speakers, published):
    """Name the kind of edge from one turn to another."""
    order = list(dict.fromkeys(speakers))
    first, second = (order.index(speakers[turn]) for turn in (source, target))
    if published:
        return min(first, 1), min(second, 1), source >= target
    return abs(source - target) <= 1, first == second, source >= target


def find_neighbours(length, window, causal):
    """List the turns that each turn has edges from."""
    lasts = [turn if causal else turn + window for turn in range(length)]
    return [[source for source in range(length) if turn - window <= source <= lasts[turn]] for turn in range(length)]


def convolve(plain, values, near, speakers, published):
    convolved = plain.linear("convolution.own", values)
    for turn, sources in enumerate(near):
        for number, relation in enumerate(product((False, True), repeat=3)):
            sent = [values[source] for source in sources if relate(source, turn, speakers, published) == relation]
            if sent:
                convolved[turn] += np.mean(sent, axis=0) @ plain.weights["convolution.weights"][number]
    return convolved


def attend_to_neighbours(plain, values, near, heads):
    query, key, value = (
        np.split(plain.linear(f"attention.{name}", values), heads, axis=1) for name in ("query", "key", "value")
    )
    attended = [
        np.hstack(
            [attend_to_all(q[[turn]], k[sources], v[sources])[0] for q, k, v in zip(query, key, value, strict=True)]
        )
        for turn, sources in enumerate(near)
    ]
    return plain.linear("attention.own", values) + attended


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("variant", ["positions", "published"])
@pytest.mark.parametrize("width", [14, 0])
def test_it_is_the_formulas_edge_by_edge(width, variant, causal):
    def run_plainly(plain, blocks, speakers):
        x = np.hstack(blocks)
        if width:
            x = plain.linear("project", x)
        if variant == "positions":
            place, column = np.ogrid[: len(x), : x.shape[1]]
            angle = place / 10_000 ** ((column - column % 2) / x.shape[1])
            x = x + np.where(column % 2, np.cos(angle), np.sin(angle))
        for layer in range(head.layers):
            x = plain.encode(f"encoder.layers.{layer}", x, 7, causal=causal)  # 7 divides both widths
        near = find_neighbours(len(x), head.window, causal)
        x = convolve(plain, plain.linear("reduce", x), near, speakers, variant == "published")
        x = attend_to_neighbours(plain, x, near, head.graph_heads)
        x = (x - plain.weights["norm.running_mean"]) / np.sqrt(plain.weights["norm.running_var"] + 1e-5)
        x = x * plain.weights["norm.weight"] + plain.weights["norm.bias"]
        return plain.linear("output", relu(plain.linear("linear", np.where(x > 0, x, 0.01 * x))))

    inputs, names = draw([1, 9, 4, 2, 7], speakers=4)
    head = COGMENHead(**SMALL, width=width, variant=variant, causal=causal).fit(inputs, names)
    plain = answer_dialogues(head, inputs, run_plainly)
    np.testing.assert_allclose(head.predict_proba(inputs), plain, atol=1e-5)
    assert np.ptp(plain, axis=0).min() > 0.01


def draw_speaker_corpus(seed):
    """Draw dialogues in which a turn means what the turn before it shows, and the opposite if the speaker changes."""
    inputs, _ = draw([10] * 30, seed, speakers=3)
    position, speaker, shown = inputs.turns.position, inputs.turns.speaker, inputs.X[:, 0] > 0
    inputs.X[:, 0] += np.where(shown, 1, -1)
    positive = np.roll(shown, 1) ^ (np.roll(speaker, 1) != speaker)
    targets = np.flatnonzero(position > 0)
    return replace(inputs, targets=targets), np.where(positive, "calm", "tense")[targets]


def test_it_learns_what_depends_on_the_speaker():
    (inputs, names), (unseen, expected) = draw_speaker_corpus(0), draw_speaker_corpus(1)
    settings = SMALL | {"width": 14, "window": 1, "epochs": 40, "learning_rate": 1e-2, "dropout": 0.1}
    assert COGMENHead(**settings).fit(inputs, names).score(unseen, expected) > 0.9
    nobody = [replace_turns(one, speaker=np.full(300, "")) for one in (inputs, unseen)]
    assert COGMENHead(**settings).fit(nobody[0], names).score(nobody[1], expected) < 0.75


def test_a_batch_of_a_single_turn_is_trained_on():
    head = COGMENHead(**SMALL | {"batch_size": 1}).fit([[0.0], [1.0], [2.0]], ["sad", "happy", "sad"])
    assert np.isfinite(head.predict_proba([[0.5]])).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"variant": "own"}, "variant must be one of 'positions', 'published', got 'own'"),
        ({"window": -1}, "window must be an integer of at least 0, got -1"),
        ({"layers": 0}, "layers must be an integer of at least 1, got 0"),
    ],
)
def test_parameters_out_of_range_raise(params, message):
    with pytest.raises(ValueError, match=message):
        COGMENHead(**params).fit(*draw([3]))

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heads import Turns
from heads.cogmen import COGMENHead
from tests.support.generated_dialogues import check_batches, count_changes, draw_dialogues, predict_plainly
from tests.support.plain_networks import attend, encode, linear, read_weights, relu

LENGTHS = (1, 9, 4, 2, 7)
SMALL = {
    "width": 14,
    "feedforward": 12,
    "hidden": 6,
    "graph_heads": 2,
    "window": 2,
    "epochs": 8,
    "learning_rate": 1e-2,
    "validation_fraction": 0.0,
    "random_state": 0,
}


def fit(speakers=4, **params):
    inputs, names = draw_dialogues(LENGTHS, speakers=speakers)
    return COGMENHead(**SMALL | params).fit(inputs, names), inputs


FITTED, _ = fit()


def relate(source, target, speakers, published):
    """Name the kind of edge from one turn to another."""
    order = list(dict.fromkeys(speakers))
    first, second = (order.index(speakers[turn]) for turn in (source, target))
    if published:
        return min(first, 1), min(second, 1), source >= target
    return abs(source - target) <= 1, first == second, source >= target


def answer_plainly(head):
    """Compute the published formulas edge by edge, with a head's weights."""
    weights = read_weights(head.network_)
    published = head.variant == "published"

    def answer(blocks, speakers):
        x = np.hstack(blocks)
        if head.width:
            x = linear(weights, "project", x)
        if not published:
            place, column = np.ogrid[: len(x), : x.shape[1]]
            angle = place / 10_000 ** ((column - column % 2) / x.shape[1])
            x = x + np.where(column % 2, np.cos(angle), np.sin(angle))
        heads = next((number for number in range(7, 15) if x.shape[1] % number == 0), 1)
        for layer in range(head.layers):
            x = encode(weights, f"encoder.layers.{layer}", x, heads, head.causal)
        x = linear(weights, "reduce", x)
        last = [turn if head.causal else turn + head.window for turn in range(len(x))]
        near = [
            [source for source in range(len(x)) if turn - head.window <= source <= last[turn]] for turn in range(len(x))
        ]
        x = convolve(x, near, speakers)
        x = np.array([attend_to_neighbours(x, turn, near[turn]) for turn in range(len(x))])
        scale = np.sqrt(weights["norm.running_var"] + 1e-5)
        x = (x - weights["norm.running_mean"]) / scale * weights["norm.weight"] + weights["norm.bias"]
        return linear(weights, "output", relu(linear(weights, "linear", np.where(x > 0, x, 0.01 * x))))

    def convolve(x, near, speakers):
        convolved = linear(weights, "convolution.own", x)
        for turn, sources in enumerate(near):
            for number, relation in enumerate(product((False, True), repeat=3)):
                sent = [x[source] for source in sources if relate(source, turn, speakers, published) == relation]
                if sent:
                    convolved[turn] += np.mean(sent, axis=0) @ weights["convolution.weights"][number]
        return convolved

    def attend_to_neighbours(x, turn, sources):
        query, key, value = (
            np.split(linear(weights, f"attention.{name}", x), head.graph_heads, axis=1)
            for name in ("query", "key", "value")
        )
        attended = [attend(q[turn], k[sources], v[sources]) for q, k, v in zip(query, key, value, strict=True)]
        return linear(weights, "attention.own", x[turn]) + np.concatenate(attended)

    return answer


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("variant", ["positions", "published"])
@pytest.mark.parametrize("width", [14, 0])
def test_it_is_the_formulas_edge_by_edge(width, variant, causal):
    head, inputs = fit(width=width, variant=variant, causal=causal)
    plain = predict_plainly(head, inputs, answer_plainly(head))
    np.testing.assert_allclose(head.predict_proba(inputs), plain, atol=1e-5)
    assert np.ptp(plain, axis=0).min() > 0.01


@settings(max_examples=8, deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=70), seed=st.integers(0, 2**16))
def test_an_answer_depends_on_its_dialogue_alone(lengths, seed):
    check_batches(FITTED, lengths, seed)


@pytest.mark.parametrize("variant", ["positions", "published"])
def test_later_turns_change_no_earlier_answer_of_a_causal_head(variant):
    inputs, _ = draw_dialogues([8] * 5, seed=1)
    assert count_changes(fit(variant=variant, causal=True)[0], inputs, 4) == 0
    assert count_changes(fit(variant=variant)[0], inputs, 4) == 20
    assert fit(causal=True)[0].describe_context() == "past turns"


def test_names_of_speakers_do_not_matter_and_who_speaks_does():
    inputs, _ = draw_dialogues(LENGTHS, speakers=4)
    renamed = np.char.add("x", inputs.turns.speaker)
    alone = np.full_like(renamed, "x")
    expected, same, other = (
        FITTED.predict_proba(replace(inputs, turns=replace(inputs.turns, speaker=speaker)))
        for speaker in (inputs.turns.speaker, renamed, alone)
    )
    assert np.array_equal(expected, same)
    assert np.abs(expected - other).max() > 1e-3


def draw_speaker_corpus(seed):
    """Draw dialogues in which a turn means what the turn before it shows, and the opposite if the speaker changes."""
    inputs, _ = draw_dialogues([10] * 30, seed, speakers=3)
    position, speaker, shown = inputs.turns.position, inputs.turns.speaker, inputs.X[:, 0] > 0
    inputs.X[:, 0] += np.where(shown, 1, -1)
    positive = np.roll(shown, 1) ^ (np.roll(speaker, 1) != speaker)
    targets = np.flatnonzero(position > 0)
    return replace(inputs, targets=targets), np.where(positive, "calm", "tense")[targets]


def test_it_learns_what_depends_on_the_speaker():
    (inputs, names), (unseen, expected) = draw_speaker_corpus(0), draw_speaker_corpus(1)
    settings = SMALL | {"window": 1, "epochs": 40, "learning_rate": 1e-2, "dropout": 0.1}
    assert COGMENHead(**settings).fit(inputs, names).score(unseen, expected) > 0.9
    nobody = [
        replace(one, turns=Turns(one.turns.dialogue, one.turns.position, np.full(300, ""))) for one in (inputs, unseen)
    ]
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
        fit(**params)

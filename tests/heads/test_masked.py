"""What lies in the padding, and how much of it there is, changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from heads._masked import (
    MaskedConvolutions,
    attend,
    find_seen,
    make_lstm,
    pad,
    pool_maximum,
    pool_mean,
    run_packed,
    scatter,
    weigh,
)

LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def fill(sequences, more, filler):
    """Pad sequences (T, D) with a value, `more` than needed."""
    longest = max(map(len, sequences)) + more
    values = torch.full((len(sequences), longest, sequences[0].shape[1]), filler)
    mask = torch.zeros(values.shape[:2], dtype=torch.bool)
    for row, sequence in enumerate(sequences):
        values[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = True
    return values, mask


def recurrent(network):
    return [
        lambda values, mask: [
            states[real] for states, real in zip(run_packed(network, values, mask)[0], mask, strict=True)
        ],
        lambda values, mask: run_packed(network, values, mask)[1],
    ]


def pooled_convolutions():
    layers = MaskedConvolutions(3, (4, 2), 3, 0.0)
    return [lambda values, mask: pool_maximum(layers(values, mask), mask)]


def pooled_attention():
    score = nn.Linear(3, 1)
    return [lambda values, mask: pool_mean(values, weigh(score(values).squeeze(2), mask))]


def attention(causal):
    def attend_to_seen(values, mask):
        attended = attend(values, values, find_seen(mask, causal=causal))
        return [states[real] for states, real in zip(attended, mask, strict=True)]

    return [attend_to_seen]


@pytest.mark.parametrize(
    "make",
    [
        lambda: recurrent(make_lstm(3, 4)),
        lambda: recurrent(make_lstm(3, 4, 2, causal=True)),
        lambda: recurrent(nn.GRU(3, 4, 2, batch_first=True, bidirectional=True)),
        pooled_convolutions,
        pooled_attention,
        lambda: attention(False),
        lambda: attention(True),
    ],
    ids=["lstm", "causal lstm", "gru", "convolutions", "pooling", "attention", "causal attention"],
)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(LENGTHS, st.integers(0, 3), st.sampled_from([0.0, 1e3, -1e3]))
def test_an_answer_is_that_of_the_sequence_alone(make, lengths, more, filler):
    torch.manual_seed(0)
    sequences = [torch.randn(length, 3) for length in lengths]
    for function in make():
        together = function(*fill(sequences, more, filler))
        for row, sequence in enumerate(sequences):
            alone = function(*fill([sequence], 0, 0.0))[0]
            torch.testing.assert_close(together[row], alone, atol=1e-5, rtol=1e-5)


def test_padding_is_zero_and_can_be_taken_out_and_put_back():
    sequences = [torch.randn(length, 3) for length in (2, 4, 1)]
    values, mask = pad(sequences)
    expected, real = fill(sequences, 0, 0.0)
    assert torch.equal(values, expected)
    assert torch.equal(mask, real)
    assert torch.equal(scatter(values[mask], mask), values)


def test_a_causal_step_sees_itself_and_those_before_it():
    _, mask = fill([torch.ones(3, 1), torch.ones(2, 1)], 0, 0.0)
    assert find_seen(mask, causal=True)[0].tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert find_seen(mask, causal=False)[1].tolist() == [[True, True, False]]

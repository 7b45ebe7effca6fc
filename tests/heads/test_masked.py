"""What lies in the padding, and how much of it there is, changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from heads._masked import MaskedConvolutions, attend, pool_maximum, run_packed

LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def pad(sequences, more, filler):
    """Pad sequences (T, D) with a value, `more` than needed."""
    longest = max(map(len, sequences)) + more
    values = torch.full((len(sequences), longest, sequences[0].shape[1]), filler)
    mask = torch.zeros(values.shape[:2], dtype=torch.bool)
    for row, sequence in enumerate(sequences):
        values[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = True
    return values, mask


def recurrent(kind, layers=1):
    network = kind(3, 4, layers, batch_first=True, bidirectional=True)
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
    return [lambda values, mask: (attend(score(values).squeeze(2), mask)[:, :, None] * values).sum(1)]


@pytest.mark.parametrize(
    "make",
    [lambda: recurrent(nn.LSTM), lambda: recurrent(nn.GRU, 2), pooled_convolutions, pooled_attention],
    ids=["lstm", "gru", "convolutions", "attention"],
)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(LENGTHS, st.integers(0, 3), st.sampled_from([0.0, 1e3, -1e3]))
def test_an_answer_is_that_of_the_sequence_alone(make, lengths, more, filler):
    torch.manual_seed(0)
    sequences = [torch.randn(length, 3) for length in lengths]
    for function in make():
        together = function(*pad(sequences, more, filler))
        for row, sequence in enumerate(sequences):
            alone = function(*pad([sequence], 0, 0.0))[0]
            torch.testing.assert_close(together[row], alone, atol=1e-5, rtol=1e-5)

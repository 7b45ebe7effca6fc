"""Run a recurrent layer over padded sequences without letting it see the padding."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def run_packed(layer: nn.RNNBase, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return the states of a recurrent layer at every place (B, T, H), zero in the padding.

    Args:
        layer: an LSTM or GRU with `batch_first`.
        values: (B, T, D), padded behind to the length of the longest sequence.
        lengths: of each sequence, on the CPU (B,).
    """
    packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
    states: torch.Tensor = pad_packed_sequence(layer(packed)[0], batch_first=True)[0]
    return states

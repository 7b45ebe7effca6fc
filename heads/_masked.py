"""Read padded sequences so that the padding changes nothing: recurrent layers, convolutions, attention, pooling.

B sequences of at most T steps (frames, words or turns), D dimensions. A mask (B, T) says where a step is real. Real
steps come first, and every sequence has one.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence


def pad(sequences: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad sequences, (T, D) or (T,) each, to the longest with zeros: (B, T, D) or (B, T), and their mask (B, T)."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return pad_sequence(list(sequences), batch_first=True), torch.arange(int(lengths.max())) < lengths[:, None]


def scatter(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Put the values of all real steps (M, D) back where the mask is true, zero elsewhere: (B, T, D).

    It undoes `values[mask]`.
    """
    padded = values.new_zeros(*mask.shape, values.shape[1])
    padded[mask] = values
    return padded


def make_lstm(width: int, units: int, layers: int = 1, dropout: float = 0.0, *, causal: bool = False) -> nn.LSTM:
    """Make an LSTM for `run_packed`, in both directions unless it is causal, with dropout between its layers."""
    between = dropout if layers > 1 else 0.0  # torch warns of dropout behind a single layer
    return nn.LSTM(width, units, layers, batch_first=True, bidirectional=not causal, dropout=between)


def count_states(layers: nn.RNNBase) -> int:
    """Return the number of units of a recurrent network's last layer, of all directions together."""
    return int(layers.hidden_size) * (2 if layers.bidirectional else 1)


def run_packed(layers: nn.RNNBase, values: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a recurrent network with `batch_first` over values (B, T, D).

    Returns:
        Its states (B, T, H), zero in the padding, and the last layer's final state (B, H). Both directions stand side
        by side: the final state holds what the backward one says of the first step.
    """
    lengths = mask.sum(dim=1).cpu()  # packing wants them on the CPU
    packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
    outputs, final = layers(packed)
    states, _ = pad_packed_sequence(outputs, batch_first=True, total_length=mask.shape[1])
    hidden = final[0] if isinstance(final, tuple) else final  # (layers x directions, B, units)
    return states, torch.cat(list(hidden[-2:] if layers.bidirectional else hidden[-1:]), dim=1)


def find_seen(mask: torch.Tensor, *, causal: bool) -> torch.Tensor:
    """Find which steps each step may look at: (B, T, T), or (B, 1, T) where all steps may look at the same.

    Args:
        mask: (B, T).
        causal: itself and those before it only.
    """
    seen = mask[:, None, :]
    if causal:
        steps = mask.shape[1]
        seen = seen & torch.ones(steps, steps, dtype=torch.bool, device=mask.device).tril()
    return seen


def attend(queries: torch.Tensor, states: torch.Tensor, seen: torch.Tensor | None = None) -> torch.Tensor:
    """Return the mean of the states that each query sees, weighted by the softmax of their inner products.

    Args:
        queries: (B, Q, D) or with more dimensions before.
        states: (B, T, D) or with more dimensions before.
        seen: (B, Q, T), or (B, 1, T) where all queries see the same; None if they see all. Each sees one at least.

    Returns:
        (B, Q, D)
    """
    mean: torch.Tensor = nn.functional.scaled_dot_product_attention(queries, states, states, attn_mask=seen, scale=1.0)
    return mean


def weigh(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Compute attention weights (B, T) from scores (B, T): a softmax over the real steps, and 0 in the padding."""
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=1)


def weigh_equally(mask: torch.Tensor) -> torch.Tensor:
    """Return the weights (B, T) of the plain mean over the real steps of a mask (B, T)."""
    return mask / mask.sum(dim=1, keepdim=True)


def pool_mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the sum of the steps of (B, T, D), weighted by (B, T): (B, D)."""
    return (weights[:, :, None] * values).sum(dim=1)


def pool_maximum(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the largest value of each dimension of (B, T, D) over the real steps: (B, D)."""
    return values.masked_fill(~mask[:, :, None], float("-inf")).amax(dim=1)


class MaskedConvolutions(nn.Module):
    """Convolutions over time, each with dropout and ReLU, whose padding is zero before every one of them.

    Args:
        width: D of the steps.
        channels: of each convolution.
        kernel: steps that each one sees, an odd number, so that it keeps T.
        dropout: probability, at least 0 and below 1.
    """

    def __init__(self, width: int, channels: Sequence[int], kernel: int, dropout: float) -> None:
        super().__init__()
        pairs = zip([width, *channels], channels, strict=False)
        self.layers = nn.ModuleList(nn.Conv1d(before, after, kernel, padding=kernel // 2) for before, after in pairs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return (B, T, the last number of channels), at least 0, and 0 in the padding."""
        real = mask[:, None, :]
        values = values.transpose(1, 2) * real  # (B, D, T)
        for layer in self.layers:
            values = self.dropout(layer(values)).relu() * real
        return values.transpose(1, 2)

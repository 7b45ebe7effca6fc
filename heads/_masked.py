"""Read padded sequences so that the padding changes nothing: recurrent layers, convolutions, attention.

B sequences of at most T frames, D dimensions. A mask (B, T) says where a frame is real, and every sequence has one.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def run_packed(layers: nn.RNNBase, values: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a recurrent network with `batch_first` over values (B, T, D).

    Returns:
        Its states (B, T, H), zero in the padding, and the last layer's final state (B, H). Both directions stand side
        by side: the final state holds what the backward one says of the first frame.
    """
    lengths = mask.sum(dim=1).cpu()  # packing wants them on the CPU
    packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
    outputs, final = layers(packed)
    states, _ = pad_packed_sequence(outputs, batch_first=True, total_length=mask.shape[1])
    hidden = final[0] if isinstance(final, tuple) else final  # (layers x directions, B, units)
    return states, torch.cat(list(hidden[-2:] if layers.bidirectional else hidden[-1:]), dim=1)


def attend(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Compute attention weights (…, T) from scores (…, T): they sum to 1, and are 0 where the mask is."""
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=-1)


def pool_maximum(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the largest value of each dimension of (B, T, D) over the real frames (B, D)."""
    return values.masked_fill(~mask[:, :, None], float("-inf")).amax(dim=1)


class MaskedConvolutions(nn.Module):
    """Convolutions over time, each with dropout and ReLU, whose padding is zero before every one of them.

    Args:
        width: D of the frames.
        channels: of each convolution.
        kernel: frames that each one sees, an odd number, so that it keeps T.
        dropout: probability, 0 to 1.
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

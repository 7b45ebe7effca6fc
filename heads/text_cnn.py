"""Convolutions over the words of an utterance, by frozen token vectors or by an embedding of its own."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._masked import MaskedConvolutions, pool_maximum
from heads._texts import TextHead

__all__ = ["TextCNNHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class TextCNNHead(TextHead):
    """Four convolutions over words, a ReLU layer and the classes: Text_Model1 of Tripathi and Beigi.

    Tripathi and Beigi 2018, "Multi-Modal Emotion Recognition on IEMOCAP with Neural Networks", and their notebook
    (Samarth-Tripathi/IEMOCAP-Emotion-Detection): convolutions of 256, 128, 64 and 32 channels and width 3, dropout 0.2
    and ReLU after each, all 500 positions flattened, a ReLU layer of 256, Adam, batches of 100, 125 epochs. Words enter
    by GloVe vectors of 300 dimensions, trained along. 64.78 % of four classes is the best epoch of `text-lstm`'s
    Text_Model3 on the last fifth of the corpus; this model has 62.55 % there.

    Differences: the settings of training are this head's own. Each channel's maximum over the words stands for the
    flattened positions, so that it does not matter where in the utterance a pattern stands. `pooling="flatten"` with
    `max_frames=500` is the published form, except that zeros stand behind the words and not before them. Vectors of
    words come from a frozen encoder, or are learned from nothing.

    Args:
        channels: of each convolution, at least one.
        kernel: words that a convolution sees, an odd number.
        pooling: "max", or "flatten" with `max_frames` above 0.
    """

    COST: ClassVar[float] = 200.0

    channels: tuple[int, ...] = (256, 128, 64, 32)
    kernel: int = 3
    pooling: str = "max"

    def _build_encoder(self, width: int) -> nn.Module:
        length = self.max_frames if self.pooling == "flatten" else 0
        return _Encoder(width, tuple(self.channels), self.kernel, self.dropout, length)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_widths("channels", low=1)
        self._check_odd("kernel")
        self._check_choice("pooling", ("max", "flatten"))
        if self.pooling == "flatten" and not self.max_frames:
            raise ValueError("pooling='flatten' needs a fixed number of frames, and max_frames is 0")


class _Encoder(nn.Module):
    def __init__(self, width: int, channels: tuple[int, ...], kernel: int, dropout: float, length: int) -> None:
        super().__init__()
        self.length = length  # places that are flattened, or 0 for the maximum
        self.size = channels[-1] * max(1, length)
        self.convolutions = MaskedConvolutions(width, channels, kernel, dropout)

    def forward(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        found = self.convolutions(frames, mask)  # (B, T, C)
        if not self.length:
            return pool_maximum(found, mask)
        missing = self.length - found.shape[1]
        padded: torch.Tensor = nn.functional.pad(found, (0, 0, 0, missing)).flatten(1)
        return padded

"""Stacked LSTMs over the words of an utterance, by frozen token vectors or by an embedding of its own."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._masked import make_lstm, run_packed
from heads._texts import TextHead

__all__ = ["TextLSTMHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class TextLSTMHead(TextHead):
    """LSTMs over words, the last state through a ReLU layer to the classes: Text_Model2 and 3 of Tripathi and Beigi.

    Tripathi and Beigi 2018, "Multi-Modal Emotion Recognition on IEMOCAP with Neural Networks", and their notebook
    (Samarth-Tripathi/IEMOCAP-Emotion-Detection). Text_Model2: LSTMs of 512 and 256 units on GloVe vectors, trained
    along. Text_Model3: 256 and 256 on an embedding of 128 dimensions from nothing (the paper says 512 and 256). Both: a
    ReLU layer of 512, no dropout, Adam (the paper says Adadelta), batches of 100, 30 epochs. On the last fifth of the
    corpus, without a test part, the best epoch of Text_Model2 has 64.68 % of four classes and the last 62.04; of
    Text_Model3 64.78 and 60.93.

    Differences: the settings of training are this head's own. Words are packed, where the notebook puts up to 500 zeros
    before them. Dropout stands on the last state and on the ReLU layer. The published Text_Model3 is `embedding="own"`
    with `min_count=1` and `dropout=0`.

    Args:
        hidden: units of each LSTM, from the first to the last, at least one.
    """

    COST: ClassVar[float] = 700.0

    hidden: tuple[int, ...] = (256, 256)
    dense: int = 512

    def _build_encoder(self, width: int) -> nn.Module:
        return _Encoder(width, tuple(self.hidden))

    def _check_params(self) -> None:
        super()._check_params()
        self._check_widths("hidden", low=1)


class _Encoder(nn.Module):
    def __init__(self, width: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.size = hidden[-1]
        pairs = zip([width, *hidden], hidden, strict=False)
        self.lstm = nn.ModuleList(make_lstm(before, units, causal=True) for before, units in pairs)

    def forward(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        for lstm in self.lstm:
            frames, last = run_packed(lstm, frames, mask)
        return last

"""Contextual bidirectional LSTM over the turns of a dialogue, with attention over them as an option."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from heads._dialogues import DialogueBatch, DialogueHead
from heads._inputs import Layout

__all__ = ["BCLSTMHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class BCLSTMHead(DialogueHead):
    """bc-LSTM: an LSTM over the dialogue in both directions, a linear layer with ReLU, and the classes.

    Poria et al. 2017, "Context-Dependent Sentiment Analysis in User-Generated Videos", in the form of the authors'
    PyTorch code (declare-lab/conv-emotion): 2 layers of 100 units a direction, a linear layer of 100, Adam with a
    learning rate of 1e-4 and weight decay 1e-5, dropout 0.25, batches of 32 dialogues, 60 epochs.

    Differences: dialogues are packed, so that the backward direction starts at a dialogue's last turn and not in the
    padding of a longer one. The epoch is chosen on dialogues kept aside from training; the published code reports the
    epoch with the lowest loss on test. The first layers that make a vector of each modality are left to the encoders.

    Args:
        hidden: units of the LSTM a direction, and of the linear layer, at least 1.
        layers: of the LSTM, at least 1.
        attention: let each turn attend to all turns (bilinear scores), or to those before it with `causal`.
    """

    hidden: int = 100
    layers: int = 2
    attention: bool = False
    learning_rate: float = 1e-3

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(
            layout.width, self.hidden, self.layers, classes, self.dropout, attention=self.attention, causal=self.causal
        )

    def _check_params(self) -> None:
        super()._check_params()
        for name in ("hidden", "layers"):
            self._check_number(name, low=1, integer=True, inclusive=True)


class _Network(nn.Module):
    def __init__(
        self, width: int, hidden: int, layers: int, classes: int, dropout: float, *, attention: bool, causal: bool
    ) -> None:
        super().__init__()
        self.causal = causal
        self.lstm = nn.LSTM(
            width,
            hidden,
            layers,
            batch_first=True,
            bidirectional=not causal,
            dropout=dropout if layers > 1 else 0,
        )
        states = hidden if causal else 2 * hidden
        self.score = nn.Linear(states, states) if attention else None
        self.linear = nn.Linear(states, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, classes)

    def forward(self, batch: DialogueBatch) -> torch.Tensor:
        packed = pack_padded_sequence(batch.join(), batch.lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)  # (B, T, H)
        if self.score is not None:
            states = self._attend(states, batch.mask)
        hidden = self.dropout(self.linear(states).relu())
        outputs: torch.Tensor = self.output(hidden)[batch.mask]  # (M, C)
        return outputs

    def _attend(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        assert self.score is not None
        scores = self.score(states) @ states.transpose(1, 2)  # (B, T, T)
        seen = mask[:, None, :]
        if self.causal:
            seen = seen & torch.ones_like(scores[0], dtype=torch.bool).tril()
        weights = scores.masked_fill(~seen, float("-inf")).softmax(dim=2)
        return weights.nan_to_num() @ states

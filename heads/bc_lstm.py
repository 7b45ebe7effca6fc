"""Contextual bidirectional LSTM over the turns of a dialogue, with attention over them as an option."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from heads._dialogues import DialogueBatch, DialogueHead
from heads._inputs import Layout
from heads._turn_attention import attend, find_seen

__all__ = ["BCLSTMHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class BCLSTMHead(DialogueHead):
    """bc-LSTM: an LSTM over the dialogue in both directions, a linear layer with ReLU, and the classes.

    Poria, Cambria, Hazarika, Majumder, Zadeh and Morency 2017, "Context-Dependent Sentiment Analysis in User-Generated
    Videos", ACL, in the form of the authors' later PyTorch code (declare-lab/conv-emotion, `bc-LSTM-pytorch`), whose
    settings are: 2 layers of 100 units a direction, a linear layer of 100, no attention, Adam with a learning rate of
    1e-4 and L2 of 1e-5, dropout 0.25, batches of 32 dialogues, 60 epochs, no class weights, on text vectors of 100
    columns. The defaults here are the same but for a learning rate of 1e-3 and the choice of the epoch.

    Differences: dialogues are packed, so that the backward direction starts at a dialogue's last turn and not in the
    padding of a longer one. The epoch is chosen on dialogues kept aside from training. The published code reports the
    epoch with the lowest loss on test. Weights decay as AdamW's do. The first stage of the paper's original Keras
    code, an LSTM for each modality, is left to the encoders, and so is its support vector machine on the last layer.

    Args:
        hidden: units of the LSTM a direction, and of the linear layer, at least 1.
        layers: of the LSTM, at least 1.
        attention: let each turn attend to all turns (bilinear scores), or to itself and those before it with `causal`.
    """

    COST: ClassVar[float] = 60.0

    hidden: int = 100
    layers: int = 2
    attention: bool = False

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
        between = dropout if layers > 1 else 0
        self.lstm = nn.LSTM(width, hidden, layers, batch_first=True, bidirectional=not causal, dropout=between)
        states = hidden if causal else 2 * hidden
        self.query = nn.Linear(states, states) if attention else None
        self.linear = nn.Linear(states, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, classes)

    def forward(self, batch: DialogueBatch) -> torch.Tensor:
        packed = pack_padded_sequence(batch.join(), batch.lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)  # (B, T, H)
        if self.query is not None:
            states = attend(self.query(states), states, find_seen(batch.mask, causal=self.causal))
        hidden = self.dropout(self.linear(states[batch.mask]).relu())  # (M, H)
        outputs: torch.Tensor = self.output(hidden)  # (M, C)
        return outputs

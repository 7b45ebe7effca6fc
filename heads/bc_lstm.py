"""Contextual bidirectional LSTM over the turns of a dialogue, with attention over them as an option."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._dialogues import DialogueBatch, DialogueHead
from heads._inputs import Layout
from heads._masked import attend, count_states, find_seen, make_lstm, run_packed

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
    epoch with the lowest loss on test. Weights decay as AdamW's do. The first stage of the authors' original Keras
    code, an LSTM for each modality, is left to the encoders. The support vector machine that the paper puts on the last
    layer is left out, as it is in their code.

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
        return _Network(self, layout.width, classes)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("hidden", "layers")


class _Network(nn.Module):
    def __init__(self, head: BCLSTMHead, width: int, classes: int) -> None:
        super().__init__()
        self.causal = head.causal
        self.lstm = make_lstm(width, head.hidden, head.layers, head.dropout, causal=head.causal)
        states = count_states(self.lstm)
        self.query = nn.Linear(states, states) if head.attention else None
        self.linear = nn.Linear(states, head.hidden)
        self.dropout = nn.Dropout(head.dropout)
        self.output = nn.Linear(head.hidden, classes)

    def forward(self, batch: DialogueBatch) -> torch.Tensor:
        states, _ = run_packed(self.lstm, batch.join(), batch.mask)  # (B, T, H)
        if self.query is not None:
            states = attend(self.query(states), states, find_seen(batch.mask, causal=self.causal))
        hidden = self.dropout(self.linear(states[batch.mask]).relu())  # (M, H)
        outputs: torch.Tensor = self.output(hidden)  # (M, C)
        return outputs

"""Attention or mean pooling over the frames of an utterance, and a linear classifier."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._inputs import FRAMES, Layout
from heads._masked import pool_mean, weigh, weigh_equally
from heads._utterances import UtteranceBatch, UtteranceHead

__all__ = ["AttentionHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class AttentionHead(UtteranceHead):
    """Pool the frames of each feature to one vector, and classify the vectors side by side.

    Every frame passes a linear layer with ReLU first. The classes follow by another linear layer.

    `pooling="mean"` is the downstream head of Ma et al. 2024, "emotion2vec: Self-Supervised Pre-Training for Speech
    Emotion Representation" (ddlBoJack/emotion2vec, iemocap_downstream): a layer of 256, the mean over the frames of the
    clip alone, RMSprop with momentum 0.9 and a learning rate between 5e-4 and 1e-3, batches of 128, 100 epochs of which
    the one with the highest accuracy on a validation part is kept.

    `pooling="attention"` weighs the frames by a softmax over one learned score of each, as in the pooling of Safari,
    India and Hernando 2020, "Self-Attention Encoding and Pooling for Speaker Recognition" (its encoder is left out),
    and, over the states of a BLSTM, in Mirsamadi, Barsoum and Zhang 2017, "Automatic Speech Emotion Recognition Using
    Recurrent Neural Networks with Local Attention".

    Differences: AdamW at one learning rate, dropout before the last layer, and the epoch with the best recall.

    Args:
        hidden: units of the layer that each frame passes, at least 1.
        pooling: "attention" or "mean".
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({FRAMES})
    KIND: ClassVar[str] = "frames"

    hidden: int = 256
    pooling: str = "attention"

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network([width for _, _, width in layout.frames], self.hidden, classes, self.dropout, self.pooling)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("hidden")
        self._check_choice("pooling", ("attention", "mean"))


class _Network(nn.Module):
    def __init__(self, widths: list[int], hidden: int, classes: int, dropout: float, pooling: str) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Linear(width, hidden) for width in widths)
        self.score = nn.ModuleList(nn.Linear(hidden, 1) for _ in widths if pooling == "attention")
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden * len(widths), classes)

    def forward(self, batch: UtteranceBatch) -> torch.Tensor:
        pooled = []
        for number, (frames, mask) in enumerate(zip(batch.frames, batch.masks, strict=True)):
            hidden = self.project[number](frames).relu()  # (B, T, H)
            weights = weigh(self.score[number](hidden).squeeze(2), mask) if self.score else weigh_equally(mask)
            pooled.append(pool_mean(hidden, weights))
        outputs: torch.Tensor = self.output(self.dropout(torch.cat(pooled, dim=1)))
        return outputs

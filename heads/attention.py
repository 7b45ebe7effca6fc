"""Attention or mean pooling over the frames of an utterance, and a linear classifier."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._inputs import FRAMES, Layout
from heads._utterances import UtteranceBatch, UtteranceHead

__all__ = ["AttentionHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class AttentionHead(UtteranceHead):
    """Pool the frames of each feature to one vector, project it, and classify the vectors side by side.

    Attention pooling by one learned query (Safari, India and Hernando 2020, "Self-Attention Encoding and Pooling for
    Speaker Recognition"). `pooling="mean"` is the downstream head of emotion2vec (Ma et al. 2024): a linear layer of
    256, ReLU, mean over the frames, linear.

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
        self._check_number("hidden", low=1, integer=True, inclusive=True)
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
            scores = self.score[number](hidden).squeeze(2) if self.score else torch.zeros_like(hidden[..., 0])
            weights = scores.masked_fill(~mask, float("-inf")).softmax(dim=1)  # (B, T)
            pooled.append((weights[:, :, None] * hidden).sum(dim=1))
        outputs: torch.Tensor = self.output(self.dropout(torch.cat(pooled, dim=1)))
        return outputs

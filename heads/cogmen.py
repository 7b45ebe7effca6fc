"""Transformer over the dialogue, then a relational graph of neighbouring turns and their speakers (COGMEN)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._dialogues import DialogueBatch, DialogueHead
from heads._inputs import Layout

__all__ = ["COGMENHead"]

_VARIANTS = ("positions", "published")
_RELATIONS = 8  # of both variants


@dataclass(kw_only=True, eq=False, repr=False)
class COGMENHead(DialogueHead):
    """COGMEN: self-attention over the dialogue, a relational graph convolution and a graph transformer over neighbours.

    Joshi et al. 2022, "COGMEN: COntextualized GNN based Multimodal Emotion recognitioN" (Exploration-Lab/COGMEN).
    Published settings: `width=0, layers=2, feedforward=2048, hidden=100, graph_heads=1, window=5`, Adam with a learning
    rate of 1e-4 and weight decay 1e-8, dropout 0.5, 32 dialogues a batch, 55 epochs, the epoch by F1 on 12 training
    dialogues.

    The graph joins each turn with itself and with the turns in its window, before it only with `causal`. A relation is
    a kind of edge with weights of its own. The network is made of masked matrix products: no graph library is needed.

    Differences of `variant="positions"`: a sinusoidal encoding of the turn's place, and the relations. There are eight:
    the same or another speaker, before or not before, next to the turn or further away. They serve any number of
    speakers, and keep the turn before apart from the mean of all earlier ones in the window.

    `variant="published"` has no encoding of places, so that order enters through the graph alone. Its eight relations
    are the pairs of two speakers, before or not before. Speakers are numbered as they first speak, and all but the
    first share a number. The published code also lets turns attend to the padding that a longer dialogue in the same
    batch causes, so that its answers depend on the batch. This is not built: padding is masked in both variants, and
    the answers are those of the published network for a dialogue that is alone in its batch.

    Differences of both: a linear layer brings the features to the transformer's width unless `width=0`, which keeps a
    fit short. Batch normalization in training is measured on real turns, and not at all on a batch of a single turn.
    Where no speaker is known, all turns of a dialogue are one speaker's, and the relations tell time alone.

    Args:
        width: of the transformer, at least 1, or 0 for the width of the features. It has as many attention heads as
            the published code: the first number from 7 to 14 that divides the width, else 1.
        layers: of the transformer, at least 1.
        feedforward: units of the transformer's inner layers, at least 1.
        hidden: units of the graph convolution, of each graph head and of the last layer but one, at least 1.
        graph_heads: attention heads of the graph transformer, at least 1.
        window: turns on each side that a turn has edges to, at least 0.
        variant: "positions" or "published".
    """

    COST: ClassVar[float] = 70.0

    width: int = 256
    layers: int = 2
    feedforward: int = 512
    hidden: int = 100
    graph_heads: int = 1
    window: int = 5
    variant: str = "positions"

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(self, layout.width, classes)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("layers", "feedforward", "hidden", "graph_heads")
        self._check_counts("width", "window", low=0)
        self._check_choice("variant", _VARIANTS)


class _Network(nn.Module):
    def __init__(self, head: COGMENHead, columns: int, classes: int) -> None:
        super().__init__()
        self.causal, self.window, self.published = head.causal, head.window, head.variant == "published"
        width, hidden = head.width or columns, head.hidden
        self.project = nn.Linear(columns, width) if head.width else nn.Identity()
        layer = nn.TransformerEncoderLayer(width, _count_heads(width), head.feedforward, head.dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, head.layers, enable_nested_tensor=False)
        self.reduce = nn.Linear(width, hidden)
        self.convolution = _RelationalConvolution(hidden)
        self.attention = _GraphAttention(hidden, head.graph_heads)
        self.norm = nn.BatchNorm1d(hidden * head.graph_heads)
        self.linear = nn.Linear(hidden * head.graph_heads, hidden)
        self.dropout = nn.Dropout(head.dropout)
        self.output = nn.Linear(hidden, classes)

    def forward(self, batch: DialogueBatch) -> torch.Tensor:
        values = self.project(batch.join())  # (B, T, W)
        if not self.published:
            values = values + _encode_places(values)
        turns = values.shape[1]
        later = torch.ones(turns, turns, dtype=torch.bool, device=values.device).triu(1)
        seen = self.encoder(values, mask=later if self.causal else None, src_key_padding_mask=~batch.mask)
        edges, relations = self._find_edges(batch.mask), self._relate(batch.speakers)
        spread = self.attention(self.convolution(self.reduce(seen), edges, relations), edges)[batch.mask]  # (M, H)
        hidden = self.linear(nn.functional.leaky_relu(self._normalize(spread))).relu()
        outputs: torch.Tensor = self.output(self.dropout(hidden))
        return outputs

    def _find_edges(self, mask: torch.Tensor) -> torch.Tensor:
        """Return whether there is an edge from the turn of a column to that of a row (B, T, T).

        Every place has one to itself, so that no row is empty.
        """
        places = torch.arange(mask.shape[1], device=mask.device)
        ahead = places - places[:, None]  # (T, T)
        near = ahead.abs() <= self.window
        if self.causal:
            near &= ahead <= 0
        return (near & mask[:, None]) | (ahead == 0)

    def _relate(self, speakers: torch.Tensor) -> torch.Tensor:
        """Find the number of the relation of the turn of a row to that of a column (B, T, T)."""
        places = torch.arange(speakers.shape[1], device=speakers.device)
        ahead = places - places[:, None]  # (T, T)
        not_before = (ahead >= 0).long()
        if self.published:
            speakers = speakers.clamp(max=1)
            return 4 * speakers[:, None] + 2 * speakers[:, :, None] + not_before
        same = speakers[:, None] == speakers[:, :, None]
        return 4 * (ahead.abs() <= 1) + 2 * same + not_before

    def _normalize(self, turns: torch.Tensor) -> torch.Tensor:
        if len(turns) > 1 or not self.training:
            normalized: torch.Tensor = self.norm(turns)
            return normalized
        norm = self.norm
        return nn.functional.batch_norm(turns, norm.running_mean, norm.running_var, norm.weight, norm.bias)


class _RelationalConvolution(nn.Module):
    """Add to each turn the mean of its neighbours under each relation, each by weights of its own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.empty(_RELATIONS, width, width))
        for weight in self.weights:
            nn.init.xavier_uniform_(weight)
        self.own = nn.Linear(width, width)

    def forward(self, values: torch.Tensor, edges: torch.Tensor, relations: torch.Tensor) -> torch.Tensor:
        numbers = torch.arange(len(self.weights), device=values.device)[:, None, None]
        chosen = (edges[:, None] & (relations[:, None] == numbers)).to(values.dtype)  # (B, R, T, T)
        means = chosen / chosen.sum(dim=3, keepdim=True).clamp(min=1)
        sent = values[:, None] @ self.weights  # (B, R, T, H)
        convolved: torch.Tensor = self.own(values) + (means @ sent).sum(dim=1)
        return convolved


class _GraphAttention(nn.Module):
    """Let each turn attend to its neighbours, with several heads side by side, and add its own projection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.own = (nn.Linear(width, heads * width) for _ in range(4))

    def forward(self, values: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            layer(values).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )  # (B, heads, T, H)
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=edges[:, None])
        added: torch.Tensor = self.own(values) + attended.transpose(1, 2).flatten(2)
        return added


def _count_heads(width: int) -> int:
    """Count the transformer's attention heads as the published code does."""
    return next((heads for heads in range(7, 15) if width % heads == 0), 1)


def _encode_places(values: torch.Tensor) -> torch.Tensor:
    """Return sines and cosines of each place (T, W) (Vaswani et al. 2017, "Attention Is All You Need")."""
    _, length, width = values.shape
    column = torch.arange(width, device=values.device)
    rates = torch.exp(-math.log(10_000) * (column // 2 * 2) / width)
    angles = torch.arange(length, device=values.device)[:, None] * rates
    return torch.where(column % 2 == 0, angles.sin(), angles.cos()).to(values.dtype)

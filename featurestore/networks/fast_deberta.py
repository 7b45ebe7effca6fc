"""Compute the relative positions of a frozen DeBERTa-v2 or v3 once instead of at every call.

Transformers projects 512 relative positions through every layer at each call, repeats them for every text of the batch,
and multiplies all of them. A text of T tokens uses 2T - 1. Here each layer keeps its projections, and each call
multiplies those in use.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


def cache_relative_positions(model: nn.Module) -> None:
    """Keep the projected relative positions of a frozen network. Its vectors stay the same up to rounding.

    Args:
        model: in evaluation mode, on the device where it will run; changed in place. Other networks stay as they are.
    """
    for encoder in model.modules():
        if _has_relative_positions(encoder):
            _replace_bias(encoder)


def _has_relative_positions(module: Any) -> bool:
    """Recognize DeBERTa-v2's encoder by its attributes."""
    layers = getattr(module, "layer", None)
    first = layers[0] if isinstance(layers, nn.ModuleList) and len(layers) else None
    attention = getattr(getattr(first, "attention", None), "self", None)
    return bool(
        getattr(module, "relative_attention", False)
        and hasattr(module, "get_rel_embedding")
        and hasattr(attention, "disentangled_attention_bias")
    )


def _replace_bias(encoder: Any) -> None:
    embeddings, span = encoder.get_rel_embedding(), _Span()
    for layer in encoder.layer:
        attention = layer.attention.self
        attention.disentangled_attention_bias = _PositionBias.project(attention, embeddings, span)


@dataclass
class _Span:
    """Relative positions that the texts of the current batch use, shared by the layers of one call."""

    relative: Tensor | None = None
    content: tuple[Tensor, slice] = field(init=False)
    position: tuple[Tensor, slice] = field(init=False)

    def update(self, relative: Tensor, span: int) -> None:
        """Take the relative positions (1, T, T) of a call, unless they are set already."""
        if relative is not self.relative:
            self.relative = relative
            self.content, self.position = _select_rows(relative, span), _select_rows(-relative, span)


def _select_rows(relative: Tensor, span: int) -> tuple[Tensor, slice]:
    """Return the rows of the relative embeddings in use, and an index (T, T) into them, as (index, rows)."""
    rows = torch.clamp(relative.reshape(relative.shape[-2:]).long() + span, 0, span * 2 - 1)
    low, high = (int(bound) for bound in torch.aminmax(rows))
    return rows - low, slice(low, high + 1)


@dataclass(frozen=True)
class _PositionBias:
    """Replacement of a layer's `disentangled_attention_bias`, with H heads, P positions, K dimensions of a head."""

    keys: Tensor | None  # (H, P, K), where content attends to position
    queries: Tensor | None  # (H, P, K), where position attends to content
    span: int
    shared: _Span
    original: Any

    @classmethod
    def project(cls, attention: Any, embeddings: Tensor, shared: _Span) -> "_PositionBias":
        """Project the relative embeddings (P, D) of one attention layer."""
        span, tied = attention.pos_ebd_size, attention.share_att_key
        rows = embeddings[: span * 2][None]

        def project_as(kind: str, name: str) -> Tensor | None:
            if kind not in attention.pos_att_type:
                return None
            layer = getattr(attention, f"{name}_proj" if tied else f"pos_{name}_proj")
            return attention.transpose_for_scores(layer(rows), attention.num_attention_heads)

        original = attention.disentangled_attention_bias
        return cls(project_as("c2p", "key"), project_as("p2c", "query"), span, shared, original)

    def __call__(
        self, query: Tensor, key: Tensor, relative: Tensor | None, embeddings: Tensor, scale_factor: int
    ) -> Tensor:
        """Compute the part of the attention scores (B·H, T, T) that comes from relative positions."""
        if relative is None or query.shape != key.shape or relative.numel() != key.shape[-2] ** 2:
            return self.original(query, key, relative, embeddings, scale_factor)
        self.shared.update(relative, self.span)
        scores = torch.zeros((), device=query.device)
        if self.keys is not None:
            scores = scores + _score(query, self.keys, *self.shared.content)
        if self.queries is not None:
            scores = scores + _score(key, self.queries, *self.shared.position).transpose(-1, -2)
        return scores / (query.shape[-1] * scale_factor) ** 0.5


def _score(states: Tensor, positions: Tensor, index: Tensor, rows: slice) -> Tensor:
    """Multiply states (B·H, T, K) by the positions (H, P, K) that `index` (T, T) points to, which gives (B·H, T, T)."""
    per_head = states.unflatten(0, (-1, len(positions))).transpose(0, 1)  # (H, B, T, K)
    products = torch.matmul(per_head.flatten(1, 2), positions[:, rows].transpose(-1, -2))  # (H, B·T, P in use)
    picked = products.view(*per_head.shape[:3], -1).gather(-1, index.expand(*per_head.shape[:2], *index.shape))
    return picked.transpose(0, 1).flatten(0, 1)

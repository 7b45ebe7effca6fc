"""Compute the attention of a frozen DeBERTa-v2 or v3 faster, and its relative positions once instead of at every call.

Transformers projects 512 relative positions through every layer at each call, repeats them for every text of the batch,
and multiplies all of them. A text of T tokens uses 2T - 1. Here each layer keeps its projections, and each call
multiplies those in use. What they add to the attention scores is given to torch's fused attention, which needs no
copies of queries, keys and values.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def cache_relative_positions(model: nn.Module) -> None:
    """Replace the attention of a frozen network by a faster one. Its vectors stay the same up to rounding.

    Args:
        model: in evaluation mode, on the device where it will run; changed in place. Other networks stay as they are.
    """
    for encoder in model.modules():
        if _has_relative_positions(encoder):
            _replace_attention(encoder)


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


def _replace_attention(encoder: Any) -> None:
    embeddings, span = encoder.get_rel_embedding(), _Span()
    for layer in encoder.layer:
        attention = layer.attention.self
        attention.forward = _Attention.project(attention, embeddings, span)


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
class _Attention:
    """Replacement of a layer's attention, with B texts of T tokens, H heads, P positions, K dimensions of a head."""

    keys: Tensor | None  # (H, K, P), scaled, where content attends to position
    queries: Tensor | None  # (H, K, P), scaled, where position attends to content
    span: int
    scale: float
    shared: _Span
    layer: Any
    original: Any

    @classmethod
    def project(cls, attention: Any, embeddings: Tensor, shared: _Span) -> "_Attention":
        """Project the relative embeddings (P, D) of one attention layer."""
        span, tied, kinds = attention.pos_ebd_size, attention.share_att_key, attention.pos_att_type
        rows = embeddings[: span * 2]
        scale = (attention.attention_head_size * (1 + ("c2p" in kinds) + ("p2c" in kinds))) ** -0.5

        def project_as(kind: str, name: str) -> Tensor | None:
            if kind not in kinds:
                return None
            layer = getattr(attention, f"{name}_proj" if tied else f"pos_{name}_proj")
            projected: Tensor = layer(rows) * scale
            return projected.unflatten(-1, (attention.num_attention_heads, -1)).permute(1, 2, 0).contiguous()

        return cls(
            project_as("c2p", "key"), project_as("p2c", "query"), span, scale, shared, attention, attention.forward
        )

    def __call__(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor,
        *flags: Any,
        query_states: Tensor | None = None,
        relative_pos: Tensor | None = None,
        **others: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Compute the context (B, T, D) of every token, with transformers' own names of the arguments.

        `flags` is DeBERTa's `output_attentions`; SEW-D, which has the same attention, gives all but two by name.
        """
        asks_more = any(flags) or others.get("output_attentions") or query_states is not None
        if asks_more or relative_pos is None or relative_pos.numel() != hidden_states.shape[1] ** 2:
            named = {"query_states": query_states, "relative_pos": relative_pos, **others}
            context: tuple[Tensor, Tensor | None] = self.original(hidden_states, attention_mask, *flags, **named)
            return context
        self.shared.update(relative_pos, self.span)
        query, key, value = (
            getattr(self.layer, f"{name}_proj")(hidden_states).unflatten(-1, (self.layer.num_attention_heads, -1))
            for name in ("query", "key", "value")
        )  # (B, T, H, K)
        # half of the least value: a whole row of padding stays finite in float16, where a score is added to it
        least = torch.finfo(query.dtype).min / 2
        bias = self._add_positions(query, key).masked_fill_(~attention_mask.bool(), least)
        query, key, value = (states.transpose(1, 2) for states in (query, key, value))
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=self.scale)
        return attended.transpose(1, 2).flatten(2), None

    def _add_positions(self, query: Tensor, key: Tensor) -> Tensor:
        """Compute the part of the attention scores (B, H, T, T) that comes from relative positions."""
        texts, tokens, heads = query.shape[:3]
        scores = query.new_zeros(heads, texts, tokens, tokens)
        if self.keys is not None:
            scores += _score(query, self.keys, *self.shared.content)
        if self.queries is not None:
            scores += _score(key, self.queries, *self.shared.position).transpose(-1, -2)
        return scores.transpose(0, 1)


def _score(states: Tensor, positions: Tensor, index: Tensor, rows: slice) -> Tensor:
    """Multiply states (B, T, H, K) by the positions (H, K, P) that `index` (T, T) points to: (H, B, T, T)."""
    per_head = states.flatten(0, 1).transpose(0, 1)  # (H, B·T, K)
    products = torch.bmm(per_head, positions[..., rows])  # (H, B·T, P in use)
    return products.unflatten(1, states.shape[:2]).gather(-1, index.expand(len(positions), len(states), *index.shape))

"""Work that is the same at every call of a frozen network, done once.

Two networks repeat such work. The position convolution of wav2vec2 and its kin is stored as direction and length, and
put together at each call. DeBERTa-v2 and v3 project 512 relative positions through every layer at each call, repeat
them for every text of the batch, and multiply all of them, of which a text of T tokens uses 2T - 1.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


def do_once(model: nn.Module) -> None:
    """Do the constant work of a frozen network in evaluation mode; what it computes stays the same to rounding.

    Args:
        model: changed in place, on the device where it will run; one without such work stays as it is.
    """
    for module in list(model.modules()):
        for name in list(getattr(module, "parametrizations", ())):
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)
    for encoder in model.modules():
        if _has_relative_positions(encoder):
            _keep_positions(encoder)


def _has_relative_positions(module: Any) -> bool:
    """Whether this is DeBERTa-v2's encoder, by what it is made of."""
    layers = getattr(module, "layer", None)
    first = layers[0] if isinstance(layers, nn.ModuleList) and len(layers) else None
    attention = getattr(getattr(first, "attention", None), "self", None)
    return bool(
        getattr(module, "relative_attention", False)
        and hasattr(module, "get_rel_embedding")
        and hasattr(attention, "disentangled_attention_bias")
    )


def _keep_positions(encoder: Any) -> None:
    embeddings, span = encoder.get_rel_embedding(), _Span()
    for layer in encoder.layer:
        attention = layer.attention.self
        attention.disentangled_attention_bias = _Positions.of(attention, embeddings, span)


@dataclass
class _Span:
    """Which relative positions the texts of the batch at hand use; the layers of one call share it."""

    relative: Tensor | None = None
    content: tuple[Tensor, slice] = field(init=False)
    position: tuple[Tensor, slice] = field(init=False)

    def update(self, relative: Tensor, span: int) -> None:
        """Take the relative positions (1, T, T) of a call, unless it has them."""
        if relative is not self.relative:
            self.relative = relative
            self.content, self.position = _used(relative, span), _used(-relative, span)


def _used(relative: Tensor, span: int) -> tuple[Tensor, slice]:
    """Rows of the relative embeddings: an index (T, T) into those in use, and which these are."""
    rows = torch.clamp(relative.reshape(relative.shape[-2:]).long() + span, 0, span * 2 - 1)
    low, high = (int(bound) for bound in torch.aminmax(rows))
    return rows - low, slice(low, high + 1)


@dataclass(frozen=True)
class _Positions:
    """Stands in for a layer's `disentangled_attention_bias`; H heads, P positions, K dimensions of a head."""

    keys: Tensor | None  # (H, P, K), where content attends to position
    queries: Tensor | None  # (H, P, K), where position attends to content
    span: int
    shared: _Span
    original: Any

    @classmethod
    def of(cls, attention: Any, embeddings: Tensor, shared: _Span) -> "_Positions":
        """Projects the relative embeddings (P, D) of one attention layer."""
        span, tied = attention.pos_ebd_size, attention.share_att_key
        rows = embeddings[: span * 2][None]

        def projected(kind: str, name: str) -> Tensor | None:
            if kind not in attention.pos_att_type:
                return None
            project = getattr(attention, f"{name}_proj" if tied else f"pos_{name}_proj")
            return attention.transpose_for_scores(project(rows), attention.num_attention_heads)

        original = attention.disentangled_attention_bias
        return cls(projected("c2p", "key"), projected("p2c", "query"), span, shared, original)

    def __call__(
        self, query: Tensor, key: Tensor, relative: Tensor | None, embeddings: Tensor, scale_factor: int
    ) -> Tensor:
        """Compute the part of the attention scores (B·H, T, T) that comes from relative positions."""
        if relative is None or query.shape != key.shape or relative.numel() != key.shape[-2] ** 2:
            return self.original(query, key, relative, embeddings, scale_factor)
        self.shared.update(relative, self.span)
        scores = torch.zeros((), device=query.device)
        if self.keys is not None:
            scores = scores + _gathered(query, self.keys, *self.shared.content)
        if self.queries is not None:
            scores = scores + _gathered(key, self.queries, *self.shared.position).transpose(-1, -2)
        return scores / (query.shape[-1] * scale_factor) ** 0.5


def _gathered(states: Tensor, positions: Tensor, index: Tensor, used: slice) -> Tensor:
    """Products of states (B·H, T, K) with the position (H, P, K) that `index` (T, T) names, (B·H, T, T)."""
    per_head = states.unflatten(0, (-1, len(positions))).transpose(0, 1)  # (H, B, T, K)
    products = torch.matmul(per_head.flatten(1, 2), positions[:, used].transpose(-1, -2))  # (H, B·T, P used)
    picked = products.view(*per_head.shape[:3], -1).gather(-1, index.expand(*per_head.shape[:2], *index.shape))
    return picked.transpose(0, 1).flatten(0, 1)

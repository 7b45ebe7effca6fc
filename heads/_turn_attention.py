"""Attend from the turns of dialogues to their turns, never to padding."""

import torch
from torch.nn import functional


def find_seen(mask: torch.Tensor, *, causal: bool) -> torch.Tensor:
    """Find which turns each turn may look at: (B, T, T), or (B, 1, T) where all turns may look at the same.

    Args:
        mask: whether a place holds a turn (B, T).
        causal: itself and those before it only.
    """
    seen = mask[:, None, :]
    if causal:
        turns = mask.shape[1]
        seen = seen & torch.ones(turns, turns, dtype=torch.bool, device=mask.device).tril()
    return seen


def attend(queries: torch.Tensor, states: torch.Tensor, seen: torch.Tensor | None = None) -> torch.Tensor:
    """Return the mean of the states that each query sees, weighted by the softmax of their inner products.

    Args:
        queries: (B, Q, H) or with more dimensions before.
        states: (B, T, H) or with more dimensions before.
        seen: of `find_seen`, where there is a query of each turn. Every place sees the first turn of its dialogue at
            least, so that weights are defined in the padding too. None if queries see all states.

    Returns:
        (B, Q, H)
    """
    mean: torch.Tensor = functional.scaled_dot_product_attention(queries, states, states, attn_mask=seen, scale=1.0)
    return mean

"""Attend from the turns of dialogues to their turns, never to padding."""

import torch


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


def attend(queries: torch.Tensor, states: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return the mean of the states that each query sees, weighted by the softmax of their inner products.

    Every place sees the first turn of its dialogue at least, so that no weights are undefined, in the padding either.

    Args:
        queries: of each turn (B, T, H).
        states: of each turn (B, T, H).
        seen: of `find_seen`.

    Returns:
        (B, T, H)
    """
    scores = queries @ states.transpose(1, 2)  # (B, T, T)
    return scores.masked_fill(~seen, float("-inf")).softmax(dim=2) @ states

"""Inputs of one fixed length, without a mask: how an encoder is fed that was tuned so, as the paper's code does."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.networks.checkpoint import Checkpoint


def fixed_length(checkpoint: Checkpoint) -> int:
    """Read the samples or tokens that every input is cut or padded to, as fine-tuning recorded it; 0: each its own."""
    settings: dict[str, Any] = checkpoint.trained_on().get("settings", {})
    return int(settings.get("fixed_length", 0))


def described(checkpoint: Checkpoint) -> dict[str, Any]:
    """Describe it in an encoder's preprocessing; nothing where each input has its own length."""
    length = fixed_length(checkpoint)
    return {"fixed_length": length, "padding": "not masked, as the encoder was tuned"} if length else {}


def fixed(values: NDArray[Any], length: int, fill: float = 0) -> NDArray[Any]:
    """Values (..., T) cut or padded at their end to `length`; as they are where `length` is 0.

    >>> fixed(np.array([1, 2, 3]), 5), fixed(np.array([[1, 2, 3]]), 2), fixed(np.array([1, 2, 3]), 0)
    (array([1, 2, 3, 0, 0]), array([[1, 2]]), array([1, 2, 3]))
    """
    if not length:
        return values
    missing = max(0, length - values.shape[-1])
    return np.pad(values[..., :length], [(0, 0)] * (values.ndim - 1) + [(0, missing)], constant_values=fill)

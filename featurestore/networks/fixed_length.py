"""Cut or pad every input to one length without a mask, for encoders fine-tuned so, as in the paper's code."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.networks.checkpoint import Checkpoint


def read_fixed_length(checkpoint: Checkpoint) -> int:
    """Read the length of every input in samples or tokens, as fine-tuning recorded it. 0 means no fixed length."""
    settings: dict[str, Any] = checkpoint.read_finetune_record().get("settings", {})
    return int(settings.get("fixed_length", 0))


def describe_fixed_length(checkpoint: Checkpoint) -> dict[str, Any]:
    """Describe the fixed length for an encoder's preprocessing. Empty where each input has its own length."""
    length = read_fixed_length(checkpoint)
    return {"fixed_length": length, "padding": "not masked, as the encoder was tuned"} if length else {}


def fit_length(values: NDArray[Any], length: int, fill: float = 0) -> NDArray[Any]:
    """Cut or pad values (..., T) at their end to `length`. 0 leaves them as they are.

    >>> fit_length(np.array([1, 2, 3]), 5), fit_length(np.array([[1, 2, 3]]), 2), fit_length(np.array([1, 2, 3]), 0)
    (array([1, 2, 3, 0, 0]), array([[1, 2]]), array([1, 2, 3]))
    """
    if not length:
        return values
    missing = max(0, length - values.shape[-1])
    return np.pad(values[..., :length], [(0, 0)] * (values.ndim - 1) + [(0, missing)], constant_values=fill)

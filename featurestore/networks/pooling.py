"""Pool an utterance's true frames, without padding, into vectors."""

from collections.abc import Sequence

import numpy as np

POOLING = "mean and population standard deviation over true frames, accumulated in float64"


def mean(frames: np.ndarray) -> np.ndarray:
    """Average frames (T, D) over time, float32 (D,)."""
    return np.asarray(frames.mean(axis=0, dtype=np.float64), np.float32)


def std(frames: np.ndarray) -> np.ndarray:
    """Compute the population standard deviation of frames (T, D) over time, float32 (D,). A single frame gives 0."""
    return np.asarray(frames.std(axis=0, dtype=np.float64), np.float32)


def layers(states: Sequence[np.ndarray]) -> np.ndarray:
    """Average every layer's frames (T, D), float32 (L+1, D): the projected input first, the last layer last."""
    return np.stack([mean(state) for state in states])

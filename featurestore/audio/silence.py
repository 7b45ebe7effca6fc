"""Recognize clips without any signal: every such clip would have the same vector."""

import numpy as np
from numpy.typing import NDArray

# Silence as recorders write it: zeros, one level, or a few of the smallest steps of 16 bits around it. A quiet
# recording has many levels, however small they are.
_QUIET, _LEVELS = 2.0**-13, 8
_CANCELLED = 1e-3  # share of the loudest channel that is left after mixing down channels of opposite phase


def find_silence(mono: NDArray[np.float32], samples: NDArray[np.float32]) -> str:
    """Return why a clip is silent, or an empty text if it is not.

    Args:
        mono: the samples mixed down (S,).
        samples: the samples of all channels (S, channels).
    """
    if len(mono) < 2:  # too short to tell
        return ""
    swing = float(np.ptp(mono))
    loudest = swing if samples.shape[1] == 1 else max(float(np.ptp(channel)) for channel in samples.T)
    if loudest > _QUIET and swing <= _CANCELLED * loudest:
        return "silent: its channels cancel each other out when they are mixed down to one"
    if swing > _QUIET or (swing and len(np.unique(mono)) >= _LEVELS):
        return ""
    level = float(np.median(mono))
    if swing:
        return f"silent: nothing but a few of the smallest steps around {level:.3g}"
    return f"silent: the signal is constant at {level:.3g}" if level else "silent: every sample is zero"

"""What the demo adds to a voice: vocal effort as spectral tilt, breath as noise that follows the voice."""

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import lfilter

RATE = 16_000
_SMOOTH = 0.995  # of the envelope that breath follows: a time constant of 12 ms at 16 kHz


def resampled(samples: NDArray[np.int16], rate: int) -> NDArray[np.float32]:
    """Samples (S,) at `rate` Hz as a wave at 16 kHz on the same scale."""
    wave: NDArray[np.float32] = soxr.resample(samples.astype(np.float32), rate, RATE)
    return wave


def colour(wave: NDArray[np.float32], effort: float, breath: float, random: np.random.Generator) -> NDArray[np.int16]:
    """Colours a voice and keeps its loudness.

    Args:
        wave: (S,) on the scale of 16 bit integers.
        effort: -1 (soft, dull) to 1 (pressed, bright).
        breath: natural logarithm of the noise's level over the voice's.
        random: draws the noise.

    Returns:
        samples (S,).
    """
    envelope = lfilter([1 - _SMOOTH], [1, -_SMOOTH], np.abs(wave))
    noise = lfilter([1.0, -0.7], [1.0], random.standard_normal(len(wave)))
    coloured = lfilter([1.0, -effort], [1.0], wave) + np.exp(breath) * envelope * noise
    coloured *= np.sqrt(np.mean(np.square(wave)) / np.mean(np.square(coloured)))
    samples: NDArray[np.int16] = np.clip(np.rint(coloured), -32768, 32767).astype(np.int16)
    return samples

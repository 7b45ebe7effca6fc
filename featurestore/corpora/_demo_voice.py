"""What the demo adds to a voice: vocal effort as spectral tilt, breath as noise that follows the voice."""

import numpy as np
import soxr
from numpy.typing import NDArray

RATE = 16_000
_WINDOW = np.hanning(400) / np.hanning(400).sum()  # 25 ms: the envelope that breath follows


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
    envelope = np.convolve(np.abs(wave), _WINDOW, mode="same")
    noise = _tilted(random.standard_normal(len(wave)), 0.7)
    coloured = _tilted(wave, effort) + np.exp(breath) * envelope * noise
    coloured *= np.sqrt(np.mean(np.square(wave)) / np.mean(np.square(coloured)))
    samples: NDArray[np.int16] = np.clip(np.rint(coloured), -32768, 32767).astype(np.int16)
    return samples


def _tilted(wave: NDArray[np.floating], amount: float) -> NDArray[np.float64]:
    """First-order filter: above 0 it brightens, below 0 it dulls."""
    before = np.concatenate([[0.0], wave[:-1]])
    filtered: NDArray[np.float64] = wave - amount * before
    return filtered

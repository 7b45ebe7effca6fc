"""Add vocal effort to a voice, as spectral tilt, and breath, as noise that follows its envelope."""

import numpy as np
import soxr
from numpy.typing import NDArray

from featurestore.corpora._iemocap_writer import RATE

_WINDOW = np.hanning(400) / np.hanning(400).sum()  # 25 ms, for the envelope that breath follows


def resample(samples: NDArray[np.int16], rate: int) -> NDArray[np.float32]:
    """Resample (S,) from `rate` Hz to 16 kHz on the same scale."""
    wave: NDArray[np.float32] = soxr.resample(samples.astype(np.float32), rate, RATE)
    return wave


def colour(wave: NDArray[np.float32], effort: float, breath: float, random: np.random.Generator) -> NDArray[np.int16]:
    """Add effort and breath to a voice and keep its loudness.

    Args:
        wave: (S,) on the scale of 16 bit integers.
        effort: -1 (soft, dull) to 1 (pressed, bright).
        breath: natural logarithm of the noise's level relative to the voice's.
        random: generator of the noise.

    Returns:
        Samples (S,).
    """
    envelope = np.convolve(np.abs(wave), _WINDOW, mode="same")
    noise = _tilt(random.standard_normal(len(wave)), 0.7)
    coloured = _tilt(wave, effort) + np.exp(breath) * envelope * noise
    coloured *= np.sqrt(np.mean(np.square(wave)) / np.mean(np.square(coloured)))
    samples: NDArray[np.int16] = np.clip(np.rint(coloured), -32768, 32767).astype(np.int16)
    return samples


def _tilt(wave: NDArray[np.floating], amount: float) -> NDArray[np.float64]:
    """Apply a first-order filter: brighten for an amount above 0, dull below 0."""
    before = np.concatenate([[0.0], wave[:-1]])
    filtered: NDArray[np.float64] = wave - amount * before
    return filtered

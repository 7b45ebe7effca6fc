"""Make inputs that a network is tried with, before anything is encoded or trained.

A short one shows whether it runs. On several lengths its half precision is compared with float32.
"""

import numpy as np
from numpy.typing import NDArray

TEXT = "a word"
TEXTS = (
    TEXT,
    "Yes.",
    "I don't know what you mean, and I never did.",
    "Two of them left at 9:30 on Monday; the others (all 14!) are still waiting for an answer.",
    "We told you that the money was never there, so why did you come back to ask for it again today, after everything "
    "that happened to my sister, to the house and to the letters that you promised you would never show to anyone?",
)
_SECONDS = (0.4, 1.7, 4.5)
_HARMONICS = np.arange(1, 21)[:, None]


def make_tone(samples: int) -> NDArray[np.float32]:
    """Make a rising tone of so many samples (S,)."""
    return np.sin(np.linspace(0.0, 1.0, samples) ** 2 * samples / 8).astype(np.float32)


def make_clips(rate: int, shortest: int, longest: int | None) -> list[NDArray[np.float32]]:
    """Make clips that sound like speech: a gliding voice in syllables over weak noise. The same each time.

    Args:
        rate: in Hz.
        shortest: samples that a clip has at least.
        longest: samples that a clip has at most; None for no limit.

    Returns:
        three clips (S,), values in -1 to 1.
    """
    lengths = [max(shortest, min(int(seconds * rate), longest or 10**9)) for seconds in _SECONDS]
    return [_speak(samples, rate, seed) for seed, samples in enumerate(lengths)]


def _speak(samples: int, rate: int, seed: int) -> NDArray[np.float32]:
    time = np.arange(samples) / rate
    pitch = (100 + 45 * seed) * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * time))
    voice = (np.sin(_HARMONICS * 2 * np.pi * np.cumsum(pitch) / rate) / _HARMONICS).sum(0)
    noise = np.random.default_rng(seed).standard_normal(samples)
    return np.asarray(0.15 * voice * np.sin(4 * np.pi * time) ** 2 + 0.005 * noise, np.float32)

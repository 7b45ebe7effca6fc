"""Clips for hand-made encoders, and what an encoder gives of them."""

import numpy as np
import pytest

from featurestore import encoders
from featurestore.spec import EncoderSpec

RATE = 16_000


@pytest.fixture(scope="session")
def voice():
    """Make 0.7 s of a voice-like sound: a hum of falling pitch with noise, silence, and noise alone."""
    random = np.random.default_rng(5)
    seconds = np.arange(int(0.4 * RATE)) / RATE
    phase = 2 * np.pi * (200 * seconds - 50 * seconds**2)
    hum = sum(np.sin(number * phase) / number for number in range(1, 12)) * 0.2
    noise = random.normal(size=int(0.2 * RATE)) * 0.02
    parts = (hum + random.normal(size=len(hum)) * 0.002, np.zeros(int(0.1 * RATE)), noise)
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture
def encode():
    """Return a function that encodes clips with a hand-made encoder, frames included."""

    def run(name, *clips):
        identity = encoders.identify(EncoderSpec("", name))
        return encoders.encode(encoders.load(identity, "cpu"), list(clips), frozenset(identity.kinds))

    return run

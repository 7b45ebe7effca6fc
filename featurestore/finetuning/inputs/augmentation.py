"""Vary training clips in speed, noise and loudness, reproducibly for every utterance and epoch.

The three effects are formulas of a few lines in numpy and soxr: audiomentations needs soxr below 1, and torchaudio has
no build for the torch that is used here.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from featurestore.errors import BadValue

# Lowest and highest value of each effect, drawn uniformly, in the order in which the effects are applied.
RANGES: Mapping[str, tuple[float, float]] = {
    "speed": (0.9, 1.1),  # factor, the pitch with it (Ko et al., Interspeech 2015)
    "noise": (10.0, 30.0),  # white noise, its signal-to-noise ratio in dB
    "gain": (-6.0, 6.0),  # dB
}
PROBABILITY = 0.5  # of each effect, for every clip in every epoch


def list_effects(text: str) -> tuple[str, ...]:
    """Split a comma-separated list of effects, and return them in the order in which they are applied.

    Raises:
        BadValue: one is none of `RANGES`.
    """
    asked = {name.strip() for name in text.split(",") if name.strip()}
    unknown = sorted(asked - set(RANGES))
    if unknown:
        raise BadValue(f"--augment has no effect {unknown[0]!r}", expected=f"of {', '.join(RANGES)}", got=text)
    return tuple(name for name in RANGES if name in asked)


@dataclass(frozen=True)
class Augmentation:
    """Effects on training clips. They depend on seed, epoch and utterance alone, not on the order of the work.

    Args:
        effects: names among `RANGES`, in their order.
        seed: of the training.
        rate: of the clips, in Hz.
        shortest: samples that the network needs.
        longest: samples of the longest training clip; no clip becomes longer, so that limits of length and memory hold.
    """

    effects: tuple[str, ...]
    seed: int
    rate: int
    shortest: int
    longest: int

    def draw(self, utterance_id: str, epoch: int) -> dict[str, float]:
        """Draw what happens to a clip in an epoch: the value of each effect that it gets, by name."""
        drawn = {}
        for effect in self.effects:
            stream = self._open_stream(effect, utterance_id, epoch)
            if stream.random() < PROBABILITY:
                drawn[effect] = float(stream.uniform(*RANGES[effect]))
        return drawn

    def vary(self, wave: NDArray[np.float32], utterance_id: str, epoch: int) -> NDArray[np.float32]:
        """Return a varied copy of a clip (S,), or the clip itself where nothing is drawn.

        Args:
            wave: at `rate`.
            utterance_id: of the clip.
            epoch: from 0.
        """
        drawn = self.draw(utterance_id, epoch)
        if "speed" in drawn:
            wave = change_speed(wave, self.limit_speed(drawn["speed"], len(wave)), self.rate)[: self.longest]
        if "noise" in drawn:
            wave = add_noise(wave, drawn["noise"], self._open_stream("samples", utterance_id, epoch))
        return change_gain(wave, drawn["gain"]) if "gain" in drawn else wave

    def limit_speed(self, factor: float, samples: int) -> float:
        """Limit a factor so that a clip of so many samples stays within `shortest` and `longest`."""
        return max(min(factor, max(1.0, samples / (self.shortest + 1))), samples / self.longest)

    def _open_stream(self, purpose: str, utterance_id: str, epoch: int) -> np.random.Generator:
        # a stream of its own for each effect, so that one more effect changes nothing of the others
        key = f"{purpose}\n{self.seed}\n{epoch}\n{utterance_id}".encode()
        return np.random.default_rng(int.from_bytes(hashlib.sha256(key).digest()))


def change_speed(wave: NDArray[np.float32], factor: float, rate: int) -> NDArray[np.float32]:
    """Play a clip (S,) so many times as fast: S / factor samples, pitch and formants with them."""
    fast: NDArray[np.float32] = soxr.resample(wave, rate * factor, rate)
    return fast


def add_noise(wave: NDArray[np.float32], ratio: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Add white Gaussian noise to a clip (S,) at a signal-to-noise ratio in dB, of mean powers over the whole clip."""
    noise = random.standard_normal(len(wave), np.float32)
    power = np.mean(np.square(wave, dtype=np.float64)) / np.mean(np.square(noise, dtype=np.float64))
    return wave + noise * np.float32(np.sqrt(power / 10 ** (ratio / 10)))


def change_gain(wave: NDArray[np.float32], gain: float) -> NDArray[np.float32]:
    """Amplify a clip (S,) by a gain in dB. Nothing is clipped at full scale."""
    return wave * np.float32(10 ** (gain / 20))

"""Loudness and zero crossings of a clip: an example of an encoder without a network, in one file."""

from collections.abc import Sequence

import numpy as np

from featurestore.encoders import Encoded
from featurestore.errors import Unencodable
from featurestore.item import Item
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

__all__ = ["Loudness"]

KIND = "encoders"
_RATE = 16_000


def identify(spec: EncoderSpec) -> Identity:
    """Identify the encoder. Raise `version` whenever its vectors change."""
    description = {
        "class": "loudness",
        "checkpoint": "loudness",
        "revision": "1",
        "version": "1",
        "dtype": "float32",
        "pooling": "over the whole clip",
        "rate": None,
        "preprocessing": {"sampling_rate": _RATE},
        "licence": "public domain",
    }
    return Identity(spec.name or "loudness", "audio", description, kinds=("functionals",))


class Loudness:
    """Root mean square, peak and zero crossings: shape (3,)."""

    budget = 0

    def __init__(self, identity: Identity, device: str) -> None:
        pass

    def load(self, item: Item) -> np.ndarray:
        """Decode one clip to float32 (S,).

        Raises:
            Unencodable: it has no usable audio, or fewer than two samples.
        """
        samples = item.waveform(_RATE)
        if len(samples) < 2:
            raise Unencodable("too short: one sample")
        return samples

    def size(self, loaded: np.ndarray) -> int:
        """Return the clip's length in samples."""
        return len(loaded)

    def encode(self, batch: Sequence[np.ndarray], kinds: frozenset[str]) -> list[Encoded]:
        """Compute the vector of each clip."""
        return [{"functionals": _describe(samples)} for samples in batch]


def _describe(samples: np.ndarray) -> np.ndarray:
    crossings = np.mean(np.diff(np.signbit(samples)))
    return np.array([np.sqrt(np.mean(samples**2)), np.abs(samples).max(), crossings], np.float32)

"""80 log-mel bands every 10 ms, pooled or as frames (extra 'handmade'; librosa, ISC licence)."""

from collections.abc import Sequence

import numpy as np

from featurestore.encoders import Encoded
from featurestore.encoders._librosa import (
    FLOOR,
    Floats,
    LibrosaEncoder,
    build_mel_bands,
    compute_frames,
    compute_magnitudes,
    identify_librosa,
)
from featurestore.networks import pooling
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

__all__ = ["LogMel"]

BANDS = 80


def identify(spec: EncoderSpec) -> Identity:
    """Identify the log-mel bands."""
    return identify_librosa(
        spec,
        "logmel",
        ("mean", "std", "frames"),
        pooling=pooling.POOLING,
        spectrum=f"Hann window, {BANDS} bands from 0 to 8 kHz (Slaney), natural logarithm of power, at least {FLOOR}",
    )


class LogMel(LibrosaEncoder):
    """Compute the logarithm of the power in 80 mel bands: `mean` and `std` (80,), `frames` (T, 80)."""

    def __init__(self, identity: Identity, device: str) -> None:
        self.bands = build_mel_bands(BANDS)

    def encode(self, batch: Sequence[np.ndarray], kinds: frozenset[str]) -> list[Encoded]:
        """Compute the bands of each clip."""
        return [self._encode(samples, kinds) for samples in batch]

    def _encode(self, samples: np.ndarray, kinds: frozenset[str]) -> Encoded:
        frames = compute_frames(samples, self._compute).astype(np.float32)
        mean, std = frames.mean(0, dtype=np.float64), frames.std(0, dtype=np.float64)
        encoded = {"mean": mean.astype(np.float32), "std": std.astype(np.float32)}
        return encoded | ({"frames": frames} if "frames" in kinds else {})

    def _compute(self, samples: Floats) -> list[Floats]:
        return [np.log(np.maximum(self.bands @ compute_magnitudes(samples) ** 2, FLOOR))]

"""Frame clips and compute their spectra by librosa, for hand-made encoders that are not bound to research."""

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.errors import Unavailable
from featurestore.item import Item
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

SAMPLING_RATE = 16_000
WINDOW, HOP = 400, 160  # samples: 25 ms every 10 ms
FFT = 512
FLOOR = 1e-10  # power below it counts as silence

_BLOCK = 1024  # windows whose spectra are in memory at a time

Floats = NDArray[np.float64]


def identify_librosa(spec: EncoderSpec, name: str, kinds: tuple[str, ...], **described: Any) -> Identity:
    """Identify an encoder that computes its features by librosa. Its version is that of the installed package.

    Args:
        spec: as the user gave it.
        name: of the encoder's module.
        kinds: what it can give.
        described: what else shapes its vectors.

    Raises:
        Unavailable: librosa is not installed.
    """
    try:
        revision = version("librosa")
    except PackageNotFoundError:
        raise Unavailable(f"encoder {name} needs the package librosa", do="pip install 'emofuse[handmade]'") from None
    description = {
        "class": name,
        "checkpoint": name,
        "revision": f"librosa {revision}",
        "version": revision,
        "dtype": "float32",
        "rate": SAMPLING_RATE / HOP,
        "preprocessing": {
            "sampling_rate": SAMPLING_RATE,
            "channels": "mixed down to one",
            "resampling": "soxr HQ",
            "frames": "whole windows of 25 ms every 10 ms; a shorter clip is padded with zeros to one window",
        },
        "licence": "librosa: ISC, free for products too",
        **described,
    }
    return Identity(spec.name or name, "audio", description, kinds)


class LibrosaEncoder:
    """Read clips for an encoder that takes one clip at a time."""

    budget = 0

    def load(self, item: Item) -> np.ndarray:
        """Decode one clip to float32 (S,) at 16 kHz.

        Raises:
            Unencodable: it is no usable audio.
        """
        return item.waveform(SAMPLING_RATE)

    def size(self, loaded: np.ndarray) -> int:
        """Return the clip's length in samples."""
        return len(loaded)


def compute_frames(samples: np.ndarray, compute: Callable[[Floats], Sequence[Floats]], context: int = WINDOW) -> Floats:
    """Compute values of every window of a clip, in blocks. Each window sees the samples around its own centre.

    Args:
        samples: (S,). The clip has T = 1 + (max(S, 400) - 400) // 160 windows.
        compute: given the samples of n windows, (160 * (n - 1) + context,), it returns arrays (…, n).
        context: samples around a window's centre that it sees, at least 400. Beyond the clip they are 0.

    Returns:
        (T, D): the arrays of `compute` one after another.
    """
    margin = (context - WINDOW) // 2
    clip = np.pad(samples.astype(np.float64), (margin, margin + max(0, WINDOW - len(samples))))
    total = 1 + (len(clip) - context) // HOP
    blocks = []
    for first in range(0, total, _BLOCK):
        last = min(first + _BLOCK, total)
        values = compute(clip[first * HOP : (last - 1) * HOP + context])
        blocks.append(np.concatenate([np.atleast_2d(one) for one in values]).T)
    return np.concatenate(blocks)


def compute_magnitudes(samples: Floats) -> Floats:
    """Compute the magnitude spectra (257, T) of whole windows, each under a Hann window. Bins are 31.25 Hz apart."""
    import librosa

    around = (FFT - WINDOW) // 2  # librosa centres the window in the transform's length
    padded = np.pad(samples, around)
    spectra = librosa.stft(padded, n_fft=FFT, hop_length=HOP, win_length=WINDOW, window="hann", center=False)
    return np.asarray(np.abs(spectra), np.float64)


def build_mel_bands(bands: int) -> Floats:
    """Build triangular bands (bands, 257) from 0 to 8 kHz on Slaney's mel scale, each of unit area."""
    from librosa.filters import mel

    weights = mel(sr=SAMPLING_RATE, n_fft=FFT, n_mels=bands, htk=False, norm="slaney", dtype=np.float64)
    return np.asarray(weights, np.float64)

"""Compute openSMILE's feature sets: one vector of functionals per clip, and low-level descriptors as frames."""

import warnings
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from featurestore.encoders import Encoded
from featurestore.errors import Unavailable, Unencodable
from featurestore.item import Item
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

SAMPLING_RATE = 16_000
LICENCE = "openSMILE and its feature sets: research use only (audEERING); a licence is needed for products"


def identify_feature_set(spec: EncoderSpec, name: str, feature_set: str) -> Identity:
    """Identify a feature set. Its version is that of the installed opensmile package.

    Args:
        spec: as the user gave it.
        name: of the encoder's module.
        feature_set: what opensmile calls it.

    Raises:
        Unavailable: opensmile is not installed.
    """
    try:
        revision = version("opensmile")
    except PackageNotFoundError:
        raise Unavailable(
            f"encoder {name} needs the package opensmile", do="pip install 'emofuse[egemaps]' (research licence)"
        ) from None
    description = {
        "class": name,
        "checkpoint": feature_set,
        "revision": f"opensmile {revision}",
        "version": revision,
        "feature_set": feature_set,
        "dtype": "float32",
        "pooling": "functionals over the whole clip",
        "rate": None,
        "preprocessing": {"sampling_rate": SAMPLING_RATE, "channels": "mixed down to one", "resampling": "soxr HQ"},
        "licence": LICENCE,
    }
    return Identity(spec.name or name, "audio", description, kinds=("functionals", "frames"))


class OpenSmile:
    """Hand-made features of a clip, at 16 kHz so that corpora of different rates are comparable.

    `frames` are the set's low-level descriptors, one every 10 ms, smoothed by openSMILE. The description of an encoder
    does not mention them: it is part of the cache keys of functionals that are stored already.
    """

    budget = 0

    def __init__(self, identity: Identity, device: str) -> None:
        import opensmile

        feature_set = opensmile.FeatureSet[identity.description["feature_set"]]
        self.functionals = opensmile.Smile(feature_set, opensmile.FeatureLevel.Functionals)
        self.descriptors = opensmile.Smile(feature_set, opensmile.FeatureLevel.LowLevelDescriptors)

    def load(self, item: Item) -> np.ndarray:
        """Decode one clip to float32 (S,).

        Raises:
            Unencodable: it is no usable audio.
        """
        return item.waveform(SAMPLING_RATE)

    def size(self, loaded: np.ndarray) -> int:
        """Return the clip's length in samples."""
        return len(loaded)

    def encode(self, batch: Sequence[np.ndarray], kinds: frozenset[str]) -> list[Encoded]:
        """Compute the functionals (D,) of each clip, and its frames (T, D) if they are asked for.

        Raises:
            Unencodable: openSMILE gives undefined values.
        """
        return [self._encode(samples, kinds) for samples in batch]

    def _encode(self, samples: np.ndarray, kinds: frozenset[str]) -> Encoded:
        encoded = {"functionals": _compute(self.functionals, samples)[0]}
        return encoded | ({"frames": _compute(self.descriptors, samples)} if "frames" in kinds else {})


def _compute(smile: Any, samples: np.ndarray) -> np.ndarray:
    """Compute one level of a feature set, float32 (T, D). Functionals have one row."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Segment too short", UserWarning)  # refused below with its reason
        values: np.ndarray = smile.process_signal(samples, SAMPLING_RATE).to_numpy(np.float32)
    if not np.isfinite(values).all():
        raise Unencodable(f"too short or too quiet: openSMILE gives {np.sum(~np.isfinite(values))} undefined values")
    return values

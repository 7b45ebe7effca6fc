"""Compute openSMILE's feature sets: one vector of functionals per clip."""

import warnings
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

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
    return Identity(spec.name or name, "audio", description, kinds=("functionals",))


class Functionals:
    """Hand-made features of a clip, at 16 kHz so that corpora of different rates are comparable."""

    budget = 0

    def __init__(self, identity: Identity, device: str) -> None:
        import opensmile

        feature_set = opensmile.FeatureSet[identity.description["feature_set"]]
        self.smile = opensmile.Smile(feature_set, opensmile.FeatureLevel.Functionals)

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
        """Compute the functionals (D,) of each clip.

        Raises:
            Unencodable: openSMILE gives undefined values.
        """
        return [{"functionals": self._compute(samples)} for samples in batch]

    def _compute(self, samples: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Segment too short", UserWarning)  # refused below with its reason
            vector: np.ndarray = self.smile.process_signal(samples, SAMPLING_RATE).to_numpy(np.float32)[0]
        if not np.isfinite(vector).all():
            raise Unencodable(
                f"too short or too quiet: openSMILE gives {np.sum(~np.isfinite(vector))} undefined values"
            )
        return vector

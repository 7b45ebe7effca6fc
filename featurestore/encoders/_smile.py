"""What openSMILE's feature sets share: one vector of functionals per clip."""

import warnings
from collections.abc import Sequence

import numpy as np

from featurestore.encoders import Encoded
from featurestore.errors import Unavailable, Unencodable
from featurestore.item import Item
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

SAMPLING_RATE = 16_000
LICENCE = "openSMILE and its feature sets: research use only (audEERING); a licence is needed for products"


def identity(spec: EncoderSpec, name: str, feature_set: str) -> Identity:
    """The identity of a feature set; its version is that of the installed opensmile package."""
    from importlib.metadata import PackageNotFoundError, version

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

        # a clip that is too short fails with this as its reason, below; once is enough
        warnings.filterwarnings("ignore", "Segment too short", UserWarning)
        feature_set = opensmile.FeatureSet[identity.description["feature_set"]]
        self.smile = opensmile.Smile(feature_set, opensmile.FeatureLevel.Functionals)

    def load(self, item: Item) -> np.ndarray:
        """Decodes one clip to float32 (S,); raises Unencodable where it is no usable audio."""
        return item.waveform(SAMPLING_RATE)

    def size(self, loaded: np.ndarray) -> int:
        """The clip's length in samples."""
        return len(loaded)

    def encode(self, batch: Sequence[np.ndarray], kinds: frozenset[str]) -> list[Encoded]:
        """The functionals (D,) of each clip; raises Unencodable where openSMILE finds none."""
        return [{"functionals": self._functionals(samples)} for samples in batch]

    def _functionals(self, samples: np.ndarray) -> np.ndarray:
        vector: np.ndarray = self.smile.process_signal(samples, SAMPLING_RATE).to_numpy(np.float32)[0]
        if not np.isfinite(vector).all():
            raise Unencodable(
                f"too short or too quiet: openSMILE gives {np.sum(~np.isfinite(vector))} undefined values"
            )
        return vector

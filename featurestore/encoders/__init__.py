"""One module per kind of encoder: frozen networks and hand-made feature extractors."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from featurestore import registry
from featurestore.errors import Unencodable
from featurestore.item import Item
from featurestore.networks.checkpoint import resolve
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

# One encoded utterance: its arrays by kind (`mean`, `std`, `cls`, `logits`, `layers`, `frames`, `functionals`).
Encoded = dict[str, np.ndarray]


class Encoder(Protocol):
    """A loaded encoder; `budget` is the padded size that one batch may have (0: one utterance at a time)."""

    budget: int

    def load(self, item: Item) -> Any:
        """Reads and prepares one utterance; raises Unencodable with the reason where it cannot be encoded."""

    def size(self, loaded: Any) -> int:
        """The length of a prepared utterance, in samples or tokens."""

    def encode(self, batch: Sequence[Any], kinds: frozenset[str]) -> list[Encoded]:
        """Encodes a batch; every vector is the same, to within rounding, whatever else is in the batch."""


def identify(spec: EncoderSpec) -> Identity:
    """Says which encoder a spec means, from its files alone.

    Raises:
        NotFound, Unavailable, BadValue: as `checkpoint.resolve` does.
    """
    if spec.checkpoint in _handmade():
        identity: Identity = registry.module("encoders", spec.checkpoint).identify(spec)
        return identity
    checkpoint = resolve(spec.checkpoint)
    found: Identity = registry.module("encoders", f"hf-{checkpoint.modality()}").identify(spec, checkpoint)
    return found


def load(identity: Identity, device: str) -> Encoder:
    """Loads an identified encoder onto a device (`cpu`, `cuda`, `cuda:1`, `mps`)."""
    encoder: Encoder = registry.load("encoders", identity.description["class"])(identity, device)
    return encoder


def encode(encoder: Encoder, batch: Sequence[Any], kinds: frozenset[str]) -> list[Encoded]:
    """Encodes a batch; raises Unencodable where a vector holds NaN or infinite values."""
    found = encoder.encode(batch, kinds)
    bad = sorted({kind for encoded in found for kind, values in encoded.items() if not np.isfinite(values).all()})
    if bad:
        raise Unencodable(f"the encoder gives NaN or infinite values in {', '.join(bad)}")
    return found


def _handmade() -> list[str]:
    return [name for name in registry.names("encoders") if not name.startswith("hf-")]

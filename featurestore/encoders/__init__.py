"""One module per kind of encoder: frozen networks and hand-made feature extractors."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from featurestore import registry
from featurestore.checkpoint import Checkpoint, resolve
from featurestore.errors import Unencodable
from featurestore.spec import EncoderSpec

# One encoded utterance: its arrays by kind (`mean`, `std`, `cls`, `logits`, `layers`, `frames`, `functionals`).
Encoded = dict[str, np.ndarray]

# What `--frames` and `--layers` add; everything else that an encoder has is always stored.
OPTIONAL = ("frames", "layers")


@dataclass(frozen=True)
class Item:
    """What an encoder is given of one utterance."""

    id: str
    audio: Path | None
    text: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Identity:
    """Which encoder made a vector, known from its files alone, before anything heavy is loaded.

    Args:
        name: of the feature file.
        modality: `audio` or `text`.
        description: class, checkpoint, revision, weights, dtype, attention, pooling, rate, preprocessing, as stored.
        kinds: what it can give, optional kinds included.
        classes: of its logits.
        trained_on: the utterances that the checkpoint was tuned on.
        checkpoint: None for a hand-made extractor.
    """

    name: str
    modality: str
    description: dict[str, Any]
    kinds: tuple[str, ...]
    classes: tuple[str, ...] = ()
    trained_on: tuple[str, ...] = ()
    checkpoint: Checkpoint | None = field(default=None, compare=False)

    def fingerprint(self) -> str:
        """The sha256 of all that shapes a vector."""
        return fingerprint(self.description)


def fingerprint(description: Mapping[str, Any]) -> str:
    """The sha256 of an encoder's description; where the checkpoint lies and what it is called do not count."""
    content = {key: value for key, value in description.items() if key not in ("checkpoint", "revision")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


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

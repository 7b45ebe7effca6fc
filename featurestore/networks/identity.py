"""Identify an encoder by what its files say, and fingerprint it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from featurestore.exposure import TrainedUtterance
from featurestore.networks.checkpoint import Checkpoint

# What `--frames` and `--layers` add; everything else that an encoder has is always stored.
OPTIONAL = ("frames", "layers")


@dataclass(frozen=True)
class Identity:
    """Which encoder made a vector, known from its files alone, before anything heavy is loaded.

    Args:
        name: of the feature file.
        modality: `audio` or `text`.
        description: class, checkpoint, revision, weights, dtype, attention, pooling, rate, preprocessing, as stored.
        kinds: what it can give, optional kinds included.
        classes: of its logits.
        trained_on: the utterances that the checkpoint was fine-tuned on.
        checkpoint: None for a hand-made extractor.
    """

    name: str
    modality: str
    description: dict[str, Any]
    kinds: tuple[str, ...]
    classes: tuple[str, ...] = ()
    trained_on: tuple[TrainedUtterance, ...] = ()
    checkpoint: Checkpoint | None = field(default=None, compare=False)

    def fingerprint(self) -> str:
        """The sha256 of all that shapes a vector."""
        return fingerprint(self.description)


def fingerprint(description: Mapping[str, Any]) -> str:
    """The sha256 of an encoder's description; where the checkpoint lies and what it is called do not count."""
    content = {key: value for key, value in description.items() if key not in ("checkpoint", "revision")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

"""Identify an encoder from its files alone, and fingerprint it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from featurestore.checkpoint_origins import list_origins
from featurestore.exposure import TrainedUtterance, read_trained_utterances
from featurestore.networks import fast_paths
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.supported_architectures import Architecture
from featurestore.spec import PRECISIONS, EncoderSpec, read_context, read_precision

# What `--frames` and `--layers` add. All other kinds that an encoder has are always stored.
OPTIONAL = ("frames", "layers")

# What a description says of names and places, which shape no vector.
_PLACES = ("checkpoint", "revision", "origins", "arguments")

# Architectures whose fused attention transformers supports and our tests cover. Others run eager, which all have.
FUSED = {"bert", "distilbert", "hubert", "roberta", "wav2vec2", "whisper", "xlm-roberta"}


@dataclass(frozen=True)
class Identity:
    """An encoder, known from its files alone, before anything heavy is loaded.

    Args:
        name: of the feature file.
        modality: `audio` or `text`.
        description: class, checkpoint, revision, origins, weights, dtype, attention, pooling, rate, preprocessing, as
            stored.
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

    @property
    def context(self) -> int:
        """Turns before an utterance that it reads with it."""
        return read_context(self.description)

    @property
    def precision(self) -> str:
        """In which it computes, one of `PRECISIONS`."""
        return read_precision(self.description)

    def fingerprint(self) -> str:
        """Compute the sha256 of everything that shapes a vector."""
        return fingerprint(self.description)


def fingerprint(description: Mapping[str, Any]) -> str:
    """Compute the sha256 of an encoder's description, without the names, places and origins of its files."""
    content = {key: value for key, value in description.items() if key not in _PLACES}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def identify_network(
    spec: EncoderSpec,
    checkpoint: Checkpoint,
    architecture: Architecture,
    *,
    modality: str,
    kinds: tuple[str, ...],
    **described: Any,
) -> Identity:
    """Identify a checkpoint of transformers.

    Args:
        spec: as the user gave it.
        checkpoint: on this machine.
        architecture: of the checkpoint.
        modality: `audio` or `text`.
        kinds: what its class of encoder always gives; logits and optional kinds are added.
        described: what its modality adds to the description.
    """
    fast_paths.report_untested()
    config, digests, classes = checkpoint.config(), checkpoint.digests(), checkpoint.classes()
    description = {
        "class": f"hf-{modality}",
        "checkpoint": checkpoint.name,
        "revision": checkpoint.revision,
        **_describe_origins(checkpoint),
        "model_type": config.get("model_type", ""),
        "weights": digests.pop("weights"),
        "files": digests,
        "dtype": PRECISIONS[spec.precision],
        "attention": "sdpa" if config.get("model_type") in FUSED else "eager",
        **described,
    }
    return Identity(
        name=spec.name or modality,
        modality=modality,
        description=description,
        kinds=(
            *kinds,
            *(["logits"] if classes else []),
            *(kind for kind in OPTIONAL if kind != "layers" or architecture.layers),
        ),
        classes=tuple(classes),
        trained_on=read_trained_utterances(checkpoint.read_finetune_record()),
        checkpoint=checkpoint,
    )


def _describe_origins(checkpoint: Checkpoint) -> dict[str, list[str]]:
    """Return the hub names that the weights come from, besides the checkpoint's own. Empty if there are none."""
    own = checkpoint.name.partition("@")[0]
    origins = [name for name in list_origins(checkpoint.name, checkpoint.folder) if name != own]
    return {"origins": origins} if origins else {}

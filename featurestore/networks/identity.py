"""Identify an encoder from its files alone, and fingerprint it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from featurestore.checkpoint_origins import list_origins
from featurestore.exposure import TrainedUtterance, read_trained_utterances
from featurestore.networks import fast_paths
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.classifier_pooling import ALL_FRAMES, CLASSIFIER_POOLING
from featurestore.networks.supported_architectures import Architecture
from featurestore.networks.vector_files import list_changed_files
from featurestore.spec import (
    PRECISIONS,
    RECOGNIZER,
    TRANSCRIPT,
    EncoderSpec,
    TranscriptSource,
    is_recognizer,
    read_context,
    read_precision,
)
from featurestore.storage.schema import TRANSCRIPTS

# What `--frames` and `--layers` add. All other kinds that an encoder has are always stored.
OPTIONAL = ("frames", "layers")

# What a description says of names, places and history, which shape no vector, of long clips, which have keys of their
# own, and of the recognizer of the words that a text encoder reads, whose fingerprint is among the rest.
_APART = ("checkpoint", "revision", "origins", "kept_epoch", "arguments", "long_clips", RECOGNIZER)

# What older versions did without saying so.
_UNSAID = {CLASSIFIER_POOLING: ALL_FRAMES}

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
    def place(self) -> str:
        """Path of its finished file within a store: `<name>.h5`, or `transcripts/<name>.h5` of a recognizer."""
        return f"{TRANSCRIPTS}/{self.name}.h5" if is_recognizer(self.description) else f"{self.name}.h5"

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
    """Compute the sha256 of an encoder's description, without the names, places and origins of its files.

    How long clips are read is left out: it is part of the keys of those clips alone.
    """
    return hashlib.sha256(json.dumps(_select_content(description), sort_keys=True).encode()).hexdigest()


def _select_content(description: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in description.items() if key not in _APART and value != _UNSAID.get(key, ...)}


def list_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """List what differs between two descriptions and shapes a vector. Empty if they are of the same encoder.

    Descriptions of earlier versions list files that shape nothing, such as the tokenizer of an audio network. So
    encoders of different fingerprints can be the same.

    Returns:
        by name of the entry, its values in both; None where it is missing.
    """
    first, second = _encode_entries(before), _encode_entries(now)
    names = [name for name in {**first, **second} if name != "files" and first.get(name) != second.get(name)]
    changes = {name: (before.get(name), now.get(name)) for name in names}
    old, new = before.get("files", {}), now.get("files", {})
    files = list_changed_files(old, new, str(now.get("class", "")).removeprefix("hf-"))
    return changes | {name: (old.get(name), new.get(name)) for name in files}


def _encode_entries(description: Mapping[str, Any]) -> dict[str, str]:
    """Encode each entry that can shape a vector as JSON, in which a list and a tuple are the same."""
    return {name: json.dumps(value, sort_keys=True) for name, value in _select_content(description).items()}


def continue_description(identity: Identity, stored: Mapping[str, Any]) -> Identity:
    """Return an encoder with the fingerprint of a stored description, if that is of the same encoder.

    A file that an earlier version wrote is continued under its own keys.
    """
    if list_changes(stored, identity.description):
        return identity
    files = {"files": stored["files"]} if "files" in stored else {}
    return replace(identity, description={**identity.description, **files})


def identify_network(
    spec: EncoderSpec,
    checkpoint: Checkpoint,
    architecture: Architecture,
    *,
    modality: str,
    kinds: tuple[str, ...],
    used_as: str = "",
    **described: Any,
) -> Identity:
    """Identify a checkpoint of transformers.

    Args:
        spec: as the user gave it.
        checkpoint: on this machine.
        architecture: of the checkpoint.
        modality: `audio` or `text`.
        kinds: what its class of encoder always gives; logits and optional kinds are added.
        used_as: `ctc` or `seq2seq` of a recognizer; empty for an encoder of its modality.
        described: what its modality adds to the description.
    """
    fast_paths.report_untested()
    config, digests, classes = checkpoint.config(), checkpoint.digests(used_as or modality), checkpoint.classes()
    record = checkpoint.read_finetune_record()
    description = {
        "class": f"hf-{used_as or modality}",
        "checkpoint": checkpoint.name,
        "revision": checkpoint.revision,
        **_describe_origins(checkpoint),
        **_describe_kept_epoch(record),
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
        trained_on=read_trained_utterances(record),
        checkpoint=checkpoint,
    )


def describe_transcript(source: TranscriptSource | None) -> dict[str, Any]:
    """Describe the transcript that a text encoder reads: its name, and the fingerprint of its recognizer.

    Returns:
        entries of its description; none for the words of the manifest.
    """
    if source is None:
        return {}
    recognizer = dict(source.recognizer)
    return {TRANSCRIPT: {"name": source.name, RECOGNIZER: fingerprint(recognizer)}, RECOGNIZER: recognizer}


def _describe_origins(checkpoint: Checkpoint) -> dict[str, list[str]]:
    """Return the hub names that the weights come from, besides the checkpoint's own. Empty if there are none."""
    own = checkpoint.name.partition("@")[0]
    origins = [name for name in list_origins(checkpoint.name, checkpoint.folder) if name != own]
    return {"origins": origins} if origins else {}


def _describe_kept_epoch(record: Mapping[str, Any]) -> dict[str, str]:
    """Describe which epoch fine-tuning has kept, why, and what each part was used for. Older records do not say so."""
    selection = record.get("selection")
    if not selection:
        return {}
    uses = "; ".join(f"{part}: {use}" for part, use in selection["looked_at"].items())
    return {"kept_epoch": f"{selection['epoch']}, {selection['by']} ({uses})"}

"""What a user asks for, parsed: a feature (`audio.mean`, `audio.frames[170]`) and an encoder (`text=FOLDER`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from featurestore.errors import BadValue

_FEATURE = re.compile(r"(?P<encoder>[\w-]+(@[\w-]+)?)\.(?P<kind>[a-z]+)(\[(?P<index>\d+)\])?")
_NAME = re.compile(r"[\w-]+(@[\w-]+)?")
INDEXED = {"frames", "layers"}


@dataclass(frozen=True)
class FeatureSpec:
    """One feature of one encoder: `<encoder>.<kind>`, with a count or number for `frames[170]` and `layers[6]`."""

    encoder: str
    kind: str
    index: int | None = None

    def __str__(self) -> str:
        return f"{self.encoder}.{self.kind}" + (f"[{self.index}]" if self.index is not None else "")


def parse_feature(text: str) -> FeatureSpec:
    """Parses `<encoder>.<kind>`, `<encoder>.frames[COUNT]` (the first, flattened) or `<encoder>.layers[NUMBER]`."""
    match = _FEATURE.fullmatch(text.strip())
    if not match or (match["kind"] in INDEXED) != (match["index"] is not None):
        raise BadValue(
            f"{text!r} is not a feature",
            expected="ENCODER.KIND, for example audio.mean, text.logits, audio.frames[170] or audio.layers[6]",
        )
    return FeatureSpec(match["encoder"], match["kind"], None if match["index"] is None else int(match["index"]))


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder to run: the name of its feature file ('' until its modality is known) and its checkpoint.

    Args:
        name: what the feature file will be called.
        checkpoint: a local folder, a hub name (`owner/model[@revision]`), or a hand-made extractor's name.
    """

    name: str
    checkpoint: str


def parse_encoder(text: str) -> EncoderSpec:
    """Parses `[NAME=]CHECKPOINT`."""
    name, equals, checkpoint = text.partition("=")
    if not equals:
        name, checkpoint = "", text
    if not checkpoint or (equals and not _NAME.fullmatch(name)):
        raise BadValue(
            f"{text!r} is not an encoder", expected="[NAME=]CHECKPOINT, for example audio=facebook/wav2vec2-base-960h"
        )
    return EncoderSpec(name, checkpoint)


def is_network(description: Mapping[str, Any]) -> bool:
    """Whether a description is of a transformers checkpoint, not of a hand-made extractor."""
    return str(description["class"]).startswith("hf-")


def asked_for(description: Mapping[str, Any]) -> str:
    """The CHECKPOINT of `--encoder NAME=CHECKPOINT` that gives the encoder of a description."""
    if not is_network(description):
        return str(description["class"])
    checkpoint = str(description.get("checkpoint", "CHECKPOINT"))
    return f"{checkpoint.partition('@')[0]}@{description['revision']}" if description.get("revision") else checkpoint

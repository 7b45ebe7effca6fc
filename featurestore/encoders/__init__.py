"""Encode utterances: one module per kind of encoder, frozen networks and hand-made feature extractors.

A module whose name begins with `hf-` encodes checkpoints of transformers. Any other module needs no checkpoint: its
name alone is what `--encoder` takes. Each has a function `identify` and one public class, which is an `Encoder`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from featurestore import registry
from featurestore.errors import BadValue, Problem, Unencodable
from featurestore.item import Item
from featurestore.networks.checkpoint import Checkpoint, resolve
from featurestore.networks.identity import OPTIONAL, Identity
from featurestore.networks.long_clips import check_long_clips
from featurestore.networks.recognizers import choose_class
from featurestore.networks.windows import check_window
from featurestore.spec import PRECISIONS, EncoderSpec, format_checkpoint, is_network, is_recognizer

# One encoded utterance: its arrays by kind (`mean`, `std`, `cls`, `logits`, `layers`, `frames`, `functionals`; of a
# recognizer `text`, `confidence`, `times`).
Encoded = dict[str, np.ndarray]


class Encoder(Protocol):
    """A loaded encoder. `budget` is the largest padded size of one batch; 0 means one utterance at a time.

    Several threads call `load` at once, and two call `encode` in turns (`networks/turns.py`), where it is on a GPU.
    """

    budget: int

    def load(self, item: Item) -> Any:
        """Read and prepare one utterance.

        Raises:
            Unencodable: it cannot be encoded, with the reason.
        """

    def size(self, loaded: Any) -> int:
        """Return the length of a prepared utterance, in samples or tokens."""

    def encode(self, batch: Sequence[Any], kinds: frozenset[str]) -> list[Encoded]:
        """Encode a batch. A vector depends on nothing else in the batch, up to rounding."""


def identify(spec: EncoderSpec) -> Identity:
    """Identify the encoder that a spec names, from its files alone.

    Raises:
        NotFound, Unavailable, BadValue: as `checkpoint.resolve` and the encoder's own module raise.
        BadValue: a context, a window, a transcript or a treatment of long clips for an encoder that has none, a
            precision that is unknown or not the encoder's, or a checkpoint that writes down no words.
    """
    if spec.precision not in PRECISIONS:
        raise BadValue(f"{spec.precision!r} is not a precision", expected=" or ".join(PRECISIONS))
    names = list_handmade()
    if spec.recognition:
        checkpoint = resolve(spec.checkpoint)
        return _identify_as(choose_class(checkpoint), spec, checkpoint)
    if spec.checkpoint in names:
        identity: Identity = registry.module("encoders", spec.checkpoint).identify(spec)
    else:
        checkpoint = resolve(spec.checkpoint, names)
        identity = _identify_as(f"hf-{checkpoint.modality()}", spec, checkpoint)
    _check_reading(spec, identity)
    return identity


def _identify_as(kind: str, spec: EncoderSpec, checkpoint: Checkpoint) -> Identity:
    """Identify a checkpoint as an encoder of one class."""
    identity: Identity = registry.module("encoders", kind).identify(spec, checkpoint)
    return identity


def _check_reading(spec: EncoderSpec, identity: Identity) -> None:
    """Raise BadValue for an option of reading that the encoder does not have."""
    model_type = str(identity.description.get("model_type", ""))
    if spec.window is not None:
        check_window(spec.window, model_type, identity.name)
    if spec.long_clips is not None:
        check_long_clips(spec.long_clips, model_type, identity.name)
    if spec.transcript and identity.modality != "text":
        raise BadValue(
            f"{spec.checkpoint} reads {identity.modality}, and no transcript",
            expected="--text with text encoders of transformers",
            do="extract it in a separate command, without --text",
        )
    if spec.context and identity.context != spec.context:
        raise BadValue(
            f"encoder {identity.name} reads {identity.modality} alone, without the turns before it",
            expected="--context with text encoders of transformers",
            do="extract it in a separate command, without --context",
        )
    if spec.precision != identity.precision:
        raise BadValue(
            f"encoder {identity.name} is no network, and computes in full precision alone",
            expected=f"--precision {spec.precision} with encoders of transformers",
            do="extract it in a separate command, without --precision",
        )


def load(identity: Identity, device: str) -> Encoder:
    """Load an identified encoder onto a device (`cpu`, `cuda`, `cuda:1`, `mps`)."""
    encoder: Encoder = registry.load("encoders", identity.description["class"])(identity, device)
    return encoder


def encode(encoder: Encoder, batch: Sequence[Any], kinds: frozenset[str]) -> list[Encoded]:
    """Encode a batch, and check that every value is finite.

    Raises:
        Unencodable: a vector holds NaN or infinite values.
    """
    encoded = encoder.encode(batch, kinds)
    bad = sorted({kind for one in encoded for kind, values in one.items() if not np.isfinite(values).all()})
    if bad:
        raise Unencodable(f"the encoder gives NaN or infinite values in {', '.join(bad)}")
    return encoded


def list_handmade() -> list[str]:
    """List the encoders that need no checkpoint."""
    return [name for name in registry.names("encoders") if not name.startswith("hf-")]


def list_optional_kinds(description: Mapping[str, Any]) -> tuple[str, ...]:
    """List the kinds that an encoder can add to its feature file, `frames` and `layers`, without loading it.

    Args:
        description: as stored in the file. A checkpoint is not looked for: its files may be elsewhere, or on the hub.

    Returns:
        the kinds; none for a hand-made encoder that is not installed, or whose package is not.
    """
    if is_network(description):
        return () if is_recognizer(description) else OPTIONAL
    if description["class"] not in list_handmade():
        return ()
    try:
        kinds = identify(EncoderSpec("", format_checkpoint(description))).kinds
    except Problem:
        return ()
    return tuple(kind for kind in OPTIONAL if kind in kinds)

"""Find the encoders that a bundle was fitted on, and check that they are the same on this machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from featurestore import encoders
from featurestore.errors import BadValue, Mismatch
from featurestore.networks.identity import Identity, list_changes
from featurestore.prediction.bundle import Bundle
from featurestore.spec import (
    is_imported,
    is_network,
    is_recognizer,
    parse_encoder,
    parse_feature,
    read_transcript,
    restore_encoder,
)


def find_encoders(bundle: Bundle, moved: Sequence[str] = ()) -> dict[str, Identity]:
    """Identify the encoders of a bundle, by name.

    Args:
        bundle: the bundle.
        moved: `NAME=CHECKPOINT` for an encoder or a recognizer that is elsewhere than when the bundle was fitted.

    Raises:
        BadValue: an element of `moved` is malformed, or the bundle has no encoder of that name.
        Mismatch: an encoder is not the one that the bundle was fitted on.
    """
    names = list(dict.fromkeys(parse_feature(feature).encoder for feature in bundle.features))
    known = [*names, *list_recognizers(bundle.encoders)]
    checkpoints = parse_checkpoints(moved)
    unknown = sorted(set(checkpoints) - set(known))
    if unknown:
        raise BadValue(f"this bundle has no encoder {', '.join(unknown)}", expected=f"one of {', '.join(known)}")
    return {name: identify_same(name, bundle.encoders[name], checkpoints.get(name)) for name in names}


def list_recognizers(described: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """List the descriptions of the recognizers whose words a bundle was fitted on, by the name of the transcript.

    Args:
        described: the encoders of a bundle, by name.
    """
    read = {name: one for name, one in described.items() if is_recognizer(one)}
    sources = (read_transcript(one) for one in described.values())
    return read | {source.name: source.recognizer for source in sources if source}


def parse_checkpoints(moved: Sequence[str]) -> dict[str, str]:
    """Parse `NAME=CHECKPOINT` texts.

    Raises:
        BadValue: one names no encoder.
    """
    specs = [parse_encoder(text) for text in moved]
    unnamed = [spec.checkpoint for spec in specs if not spec.name]
    if unnamed:
        raise BadValue(f"{unnamed[0]!r} does not name an encoder of the bundle", expected="NAME=CHECKPOINT")
    return {spec.name: spec.checkpoint for spec in specs}


def identify_same(name: str, description: Mapping[str, Any], moved: str | None) -> Identity:
    """Identify an encoder or a recognizer that a bundle describes.

    Args:
        name: of its features or its transcript.
        description: as the bundle has it.
        moved: where its checkpoint is now; None for where it was.

    Raises:
        Mismatch: it is not the one that the bundle was fitted on.
    """
    if is_imported(description):
        raise Mismatch(
            f"this bundle cannot predict new clips: features {name} were imported, and their encoder is not here",
            got=f"imported from {description['checkpoint']}",
            do="fit the head on features that cli extract makes: cli fit-head --features …",
        )
    checkpoint = moved or description["checkpoint" if is_network(description) else "class"]
    identity = encoders.identify(restore_encoder(name, description, checkpoint))
    changes = list_changes(description, identity.description)
    if changes:
        raise Mismatch(
            f"encoder {name} at {checkpoint} is not the one that the bundle was fitted on",
            expected=", ".join(f"{entry} {_shorten(fitted)}" for entry, (fitted, _) in changes.items()),
            got=", ".join(f"{entry} {_shorten(now)}" for entry, (_, now) in changes.items()),
            do=f"pass --encoder {name}=CHECKPOINT with the right one, or fit the head again",
        )
    return identity


def _shorten(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"

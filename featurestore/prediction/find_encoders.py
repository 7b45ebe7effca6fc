"""Find the encoders that a bundle was fitted on, and check that they are the same on this machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from featurestore import encoders
from featurestore.errors import BadValue, Mismatch
from featurestore.networks.identity import Identity, list_changes
from featurestore.prediction.bundle import Bundle
from featurestore.spec import is_imported, is_network, parse_encoder, parse_feature, restore_encoder


def find_encoders(bundle: Bundle, moved: Sequence[str] = ()) -> dict[str, Identity]:
    """Identify the encoders of a bundle, by name.

    Args:
        bundle: the bundle.
        moved: `NAME=CHECKPOINT` for an encoder that is elsewhere than when the bundle was fitted.

    Raises:
        BadValue: an element of `moved` is malformed, or the bundle has no encoder of that name.
        Mismatch: an encoder is not the one that the bundle was fitted on.
    """
    names = list(dict.fromkeys(parse_feature(feature).encoder for feature in bundle.features))
    checkpoints = _parse_checkpoints(moved)
    unknown = sorted(set(checkpoints) - set(names))
    if unknown:
        raise BadValue(f"this bundle has no encoder {', '.join(unknown)}", expected=f"one of {', '.join(names)}")
    return {name: _identify(name, bundle.encoders[name], checkpoints.get(name)) for name in names}


def _parse_checkpoints(moved: Sequence[str]) -> dict[str, str]:
    specs = [parse_encoder(text) for text in moved]
    unnamed = [spec.checkpoint for spec in specs if not spec.name]
    if unnamed:
        raise BadValue(f"{unnamed[0]!r} does not name an encoder of the bundle", expected="NAME=CHECKPOINT")
    return {spec.name: spec.checkpoint for spec in specs}


def _identify(name: str, description: Mapping[str, Any], moved: str | None) -> Identity:
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

"""Find the encoders that a bundle was fitted on, and check that they are the same on this machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from featurestore import encoders
from featurestore.errors import BadValue, Mismatch
from featurestore.networks.identity import Identity, fingerprint
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
    if identity.fingerprint() != fingerprint(description):
        raise Mismatch(
            f"encoder {name} at {checkpoint} is not the one that the bundle was fitted on",
            expected=f"weights {_shorten_weights(description)}",
            got=f"weights {_shorten_weights(identity.description)}",
            do=f"pass --encoder {name}=CHECKPOINT with the right one, or fit the head again",
        )
    return identity


def _shorten_weights(description: Mapping[str, Any]) -> str:
    return str(description.get("weights", description.get("version")))[:12]

"""Read and describe the context of a text encoder: how many turns before an utterance it reads with it."""

from typing import Any

from featurestore.errors import BadValue
from featurestore.networks.checkpoint import Checkpoint

# How turns are joined. It is part of an encoder's fingerprint.
_JOINED = (
    "earlier turns of the dialogue, each with a separator token after it; the oldest are left out for lack of room"
)


def read_own_context(checkpoint: Checkpoint) -> int | None:
    """Read the context that a checkpoint was fine-tuned with. None where fine-tuning left no record."""
    settings: dict[str, Any] | None = checkpoint.read_finetune_record().get("settings")
    return None if settings is None else int(settings.get("context", 0))


def choose_context(checkpoint: Checkpoint, context: int | None) -> int:
    """Choose the context to encode with: the given one, else the checkpoint's own, else none.

    Raises:
        BadValue: a number below 0.
    """
    chosen = (read_own_context(checkpoint) or 0) if context is None else context
    check_context(chosen)
    return chosen


def check_context(context: int) -> None:
    """Raise BadValue for a number of turns below 0."""
    if context < 0:
        raise BadValue(f"invalid context {context}", expected="a number of turns, 0 or more")


def describe_joining(context: int) -> dict[str, str]:
    """Describe for an encoder's preprocessing how turns are joined. Empty without context."""
    return {"context": _JOINED, "pooled": "the turn's own tokens"} if context else {}

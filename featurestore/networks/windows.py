"""Choose how much audio Whisper's encoder reads for a clip: its window of 30 seconds, or little more than the clip.

Whisper's extractor pads every clip with silence to 30 s, and its encoder refuses any other length. Nothing in the
network needs that length: with `--window clip` it is given the clip with one second of silence, and the first of its
position embeddings. That costs a share of the time, and gives other vectors, because less silence is attended to.
"""

from collections.abc import Mapping
from typing import Any

from featurestore.errors import BadValue, Mismatch
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.frames import WHISPER
from featurestore.spec import CLIP_WINDOW, WHOLE_WINDOW, WINDOWS

# Part of the fingerprint of every encoder with this window.
_SHORT_WINDOW = "the clip and 1 s of silence, rounded up to whole half seconds, at most 30 s"


def compute_window(samples: int, rate: int, longest: int) -> int:
    """Compute the window of a clip: itself and 1 s of silence, rounded up to a half second, so that many are equal.

    Args:
        samples: of the clip.
        rate: in Hz.
        longest: samples of the whole window, which is never exceeded.

    >>> compute_window(32_000, 16_000, 480_000), compute_window(32_001, 16_000, 480_000)
    (48000, 56000)
    """
    step = rate // 2
    return min(longest, -(-(samples + rate) // step) * step)


def read_own_window(checkpoint: Checkpoint) -> str | None:
    """Read the window that a checkpoint was fine-tuned with. None where fine-tuning left no record."""
    settings: dict[str, Any] | None = checkpoint.read_finetune_record().get("settings")
    return None if settings is None else str(settings.get("window", WHOLE_WINDOW))


def choose_window(checkpoint: Checkpoint, window: str | None) -> str:
    """Choose the window to encode with: the one of fine-tuning, else the given one, else 30 s.

    Raises:
        BadValue: no such window, or a given one for a network that has none to choose.
        Mismatch: the checkpoint was fine-tuned with another window.
    """
    kind = checkpoint.config().get("model_type")
    if window is not None:
        check_window(window, str(kind), checkpoint.name)
    if kind != WHISPER:
        return WHOLE_WINDOW
    own = read_own_window(checkpoint)
    if window is not None and own is not None and own != window:
        raise Mismatch(
            f"checkpoint {checkpoint.name} was fine-tuned with --window {own}",
            expected=f"--window {own}",
            got=f"--window {window}",
            do=f"leave --window out, or fine-tune with --window {window}",
        )
    return own or window or WHOLE_WINDOW


def check_window(window: str, model_type: str, name: str) -> None:
    """Check that a network has a choice of windows, and that a window is one of them.

    Args:
        window: as given.
        model_type: of the network; empty for an encoder without one.
        name: of the encoder, for the message.

    Raises:
        BadValue: it is none of `WINDOWS`, or the network has no choice.
    """
    if window not in WINDOWS:
        raise BadValue(f"unknown window {window!r}", expected=f"one of {', '.join(WINDOWS)}")
    if model_type != WHISPER:
        raise BadValue(
            f"encoder {name} has no choice of windows",
            expected="--window with Whisper's encoder, whose window of 30 s can be shortened",
            got=f"--window {window} with {model_type or 'an encoder without a network of transformers'}",
            do="leave --window out for this encoder",
        )


def describe_window(window: str) -> dict[str, str]:
    """Describe the window for an encoder's preprocessing. Empty for 30 s, which older descriptions do not name."""
    return {"window": _SHORT_WINDOW} if window == CLIP_WINDOW else {}


def read_window(description: Mapping[str, Any]) -> str:
    """Read the window of a described encoder."""
    return str(description.get("window", WHOLE_WINDOW))

"""Encode clips that are longer than a network's window in overlapping windows, each frame counted once.

Clips within the window are read as ever and keep their vectors and cache keys. A longer clip has a key of its own, so
that its vector is never taken for one of another way of reading.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.errors import BadValue, Unencodable
from featurestore.item import Item
from featurestore.networks.frames import AST, WHISPER
from featurestore.networks.limits import measure_length
from featurestore.spec import CUT_LONG_CLIPS, LONG_CLIPS

_SHARE = 6  # of a window that neighbours share, at least: 5 s of Whisper's 30 s
_SLACK = 1e-3  # seconds: a header's length is compared with that of the resampled clip

_JOINED = (
    "in overlapping windows of equal length over the clip, cut in the middle of each overlap, so that every frame "
    "counts once; logits are the mean of the windows' logits, weighted by their frames"
)


@dataclass(frozen=True)
class WindowPlace:
    """Place of one window in a long clip, and the frames of it that count.

    Args:
        start: first sample.
        stop: the sample after the last.
        first: first frame of the window that counts.
        last: the frame after the last one that counts; None for all that follow.
    """

    start: int
    stop: int
    first: int
    last: int | None


def place_windows(samples: int, longest: int, hop: int) -> list[WindowPlace]:
    """Place windows over a clip that is longer than one, evenly, on the grid of frames.

    Neighbours share a sixth of a window or more, and meet in the middle of what they share: of Whisper's 30 s, 2.5 s or
    more lie between a cut and the end of a window.

    Args:
        samples: length of the clip.
        longest: samples of a window.
        hop: samples from one frame to the next.
    """
    grid, span = -(-(samples - longest) // hop), longest // hop  # frames; the last window begins at `grid`
    count = 1 + -(-grid // (span - span // _SHARE))
    starts = [grid * number // (count - 1) for number in range(count)]
    cuts = [(start + before + span) // 2 for before, start in pairwise(starts)]
    return [
        WindowPlace(
            start * hop, min(samples, start * hop + longest), first - start, None if last is None else last - start
        )
        for start, first, last in zip(starts, [0, *cuts], [*cuts, None], strict=True)
    ]


def pool_windows(windows: Sequence[Mapping[str, NDArray[Any]]], counts: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Pool what was pooled over the frames of each window into what all frames together give.

    Args:
        windows: encoded windows of one clip, each pooled over the frames that count.
        counts: how many frames those are.

    Returns:
        the arrays of the whole clip by kind. Means, layers and logits are weighted by frames; for logits that is exact
        where they are affine in the mean frame.
    """
    shares = np.asarray(counts, np.float64) / sum(counts)
    pooled = {
        kind: np.asarray(
            np.tensordot(shares, np.stack([one[kind] for one in windows]).astype(np.float64), 1), np.float32
        )
        for kind in windows[0]
        if kind not in ("frames", "std")
    }
    if "std" in windows[0]:
        pooled["std"] = _pool_deviations(windows, shares)
    if "frames" in windows[0]:
        pooled["frames"] = np.concatenate([one["frames"] for one in windows])
    return {kind: pooled[kind] for kind in windows[0]}


def _pool_deviations(windows: Sequence[Mapping[str, NDArray[Any]]], shares: NDArray[np.float64]) -> NDArray[Any]:
    """Pool standard deviations: the mean variance within windows, and the variance of their means."""
    means = np.stack([one["mean"] for one in windows]).astype(np.float64)  # (W, D)
    inside = np.square(np.stack([one["std"] for one in windows]).astype(np.float64))
    between = np.square(means - shares @ means)
    return np.asarray(np.sqrt(shares @ (inside + between)), np.float32)


def check_long_clips(long_clips: str, model_type: str, name: str) -> None:
    """Check that a network has a window that long clips can be cut into.

    Args:
        long_clips: as given.
        model_type: of the network; empty for an encoder without one.
        name: of the encoder, for the message.

    Raises:
        BadValue: it is none of `LONG_CLIPS`, or the network cannot be given windows.
    """
    if long_clips not in LONG_CLIPS:
        raise BadValue(f"unknown treatment of long clips {long_clips!r}", expected=f"one of {', '.join(LONG_CLIPS)}")
    if long_clips == CUT_LONG_CLIPS and model_type not in (WHISPER, AST):
        raise BadValue(
            f"encoder {name} does not cut long clips into windows",
            expected="--long-clips window with Whisper's encoder or AST, which read 30 s and 10.26 s at most",
            got=model_type or "an encoder without a network of transformers",
            do="leave --long-clips out for this encoder",
        )


def describe_long_clips(longest: int, rate: int) -> dict[str, Any]:
    """Describe how clips that are longer than the window are read. It is part of the keys of those clips alone.

    Args:
        longest: samples of a window.
        rate: in Hz.
    """
    return {"longer_than": longest / rate, "overlap": longest / rate / _SHARE, "read": _JOINED}


def mark_long_clips(contents: Sequence[str], items: Sequence[Item], described: Mapping[str, Any] | None) -> list[str]:
    """Mark the digests of long clips by how they are read, so that their keys differ from those of other encoders.

    Args:
        contents: the digest of each item.
        items: what is encoded.
        described: as `describe_long_clips` returns it; None where long clips fail.
    """
    if not described:
        return list(contents)
    suffix, most = json.dumps(described, sort_keys=True), float(described["longer_than"]) - _SLACK
    return [
        f"{content} {suffix}" if _measure(item) > most else content
        for content, item in zip(contents, items, strict=True)
    ]


def _measure(item: Item) -> float:
    try:
        return measure_length(item)
    except Unencodable:
        return 0.0

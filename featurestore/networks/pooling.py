"""Pool each utterance's true frames, without padding, into vectors, on the device that the network ran on.

Only what is pooled is copied from a GPU. A CPU runs the same code, which is faster there than numpy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurestore.networks.forward import to_device

if TYPE_CHECKING:
    from torch import Tensor

POOLING = "mean and population standard deviation over true frames, accumulated in float64"

Mask = NDArray[np.bool_]


def mark_true_frames(counts: Sequence[int | None], length: int) -> Mask:
    """Mark the frames of each row that are the utterance's own: its first ones.

    Args:
        counts: own frames of each row; None where all are.
        length: T, frames of the padded batch.

    Returns:
        the mask (B, T).

    >>> mark_true_frames([1, None], 3).tolist()
    [[True, False, False], [True, True, True]]
    """
    return np.arange(length) < np.array([length if count is None else count for count in counts])[:, None]


def pool(frames: "Tensor", true: Mask) -> "tuple[Tensor, Tensor]":
    """Compute the mean and the population standard deviation of true frames over time. A single frame deviates by 0.

    Args:
        frames: (B, T, D), of any precision.
        true: the frames that count (B, T). Others may hold anything, NaN included.

    Returns:
        both, float32 (B, D), on the device of the frames; on a CPU where that has no float64 (MPS).
    """
    frames = _move_to_float64(frames)
    marks = _Marks.copy(true, frames)
    exact = marks.clear_others(frames)
    mean = exact.sum(1) / marks.count
    exact -= mean[:, None]
    if marks.others is not None:
        exact.masked_fill_(marks.others, 0)
    std = (exact.square_().sum(1) / marks.count).sqrt_()
    return mean.float(), std.float()


def average_layers(states: "Sequence[Tensor]", true: Mask) -> "Tensor":
    """Average the true frames of every layer, float32 (B, L+1, D): the projected input first, the last layer last.

    Args:
        states: (B, T, D) of each layer.
        true: the frames that count (B, T). A layer with fewer frames, as Funnel has, reads the first of them.
    """
    import torch

    states = [_move_to_float64(state) for state in states]
    marks = {length: _Marks.copy(true, state) for length, state in {state.shape[1]: state for state in states}.items()}
    return torch.stack([_average(state, marks[state.shape[1]]) for state in states], 1)


def split_rows(arrays: Mapping[str, np.ndarray], true: Mask) -> list[dict[str, np.ndarray]]:
    """Split the arrays of a batch (B, …) by utterance, and leave out the frames (T, D) that do not count."""
    rows = [{kind: values[row] for kind, values in arrays.items()} for row in range(len(true))]
    for row, own in zip(rows, true, strict=True):
        if "frames" in row:
            row["frames"] = row["frames"][own[: len(row["frames"])]]
    return rows


@dataclass(frozen=True)
class _Marks:
    """The frames that count, on a device.

    Args:
        others: the frames that do not count (B, T, 1); None if there are none.
        count: how many count (B, 1).
    """

    others: "Tensor | None"
    count: "Tensor"

    @classmethod
    def copy(cls, true: Mask, frames: "Tensor") -> "_Marks":
        """Copy a mask (B, T or more) to the device of frames (B, T, D), without waiting for what that has to do."""
        true, device = true[:, : frames.shape[1]], str(frames.device)
        if true.shape != frames.shape[:2]:
            raise ValueError(f"a mask of shape {true.shape} for frames of shape {tuple(frames.shape)}")
        others = None if true.all() else to_device(~true[..., None], device)
        return cls(others, to_device(true.sum(1, keepdims=True), device))

    def clear_others(self, frames: "Tensor") -> "Tensor":
        """Copy frames (B, T, D) to float64, with 0 for those that do not count."""
        import torch

        exact = frames.to(torch.float64, copy=True)  # the caller's frames stay as they are
        return exact if self.others is None else exact.masked_fill_(self.others, 0)


def _average(frames: "Tensor", marks: _Marks) -> "Tensor":
    return (marks.clear_others(frames).sum(1) / marks.count).float()


def _move_to_float64(frames: "Tensor") -> "Tensor":
    """Move frames to a device that has float64."""
    return frames.cpu() if frames.device.type == "mps" else frames

"""Find the features of each modality, so that a network can treat modalities apart."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

import torch

from heads._inputs import Block, Layout

AUDIO, TEXT = "audio", "text"


def find_side(modalities: Iterable[str], side: str) -> list[int]:
    """List the places of a modality among others. An unknown one (empty) counts as every modality."""
    return [place for place, modality in enumerate(modalities) if modality in (side, "")]


def find_frames(layout: Layout, side: str) -> list[int]:
    """List the numbers of the features of frames of a modality, as `find_side` does.

    Raises:
        ValueError: there is none.
    """
    found = find_side((modality for _, modality, _ in layout.frames), side)
    if not found:
        names = ", ".join(name for name, _, _ in layout.frames) or "no frames"
        raise ValueError(f"the features have no frames of {side}, which this head reads: {names}")
    return found


def group_blocks(blocks: Sequence[Block]) -> dict[str, list[int]]:
    """Return the numbers of each modality's blocks, modalities in the order of their first block.

    A block whose modality is unknown is a modality of its own, under the block's name.
    """
    groups: dict[str, list[int]] = {}
    for number, block in enumerate(blocks):
        groups.setdefault(block.modality or block.name, []).append(number)
    return groups


def list_columns(blocks: Sequence[Block]) -> dict[str, list[int]]:
    """Return the numbers of each modality's columns in the matrix of all blocks, grouped as `group_blocks` does."""
    starts = list(accumulate((block.width for block in blocks), initial=0))
    return {
        modality: [column for number in numbers for column in range(starts[number], starts[number + 1])]
        for modality, numbers in group_blocks(blocks).items()
    }


def measure_modalities(blocks: Sequence[Block]) -> dict[str, int]:
    """Return the number of columns of each modality, grouped as `group_blocks` does."""
    return {modality: len(columns) for modality, columns in list_columns(blocks).items()}


def join_modalities(values: Sequence[torch.Tensor], groups: dict[str, list[int]]) -> list[torch.Tensor]:
    """Join the values of each modality's blocks (..., width) side by side, one tensor a modality."""
    return [torch.cat([values[number] for number in numbers], dim=-1) for numbers in groups.values()]

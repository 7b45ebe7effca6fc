"""Group the blocks of a layout by modality, so that a network can treat each modality apart."""

from collections.abc import Sequence
from itertools import accumulate

import torch

from heads._inputs import Block


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

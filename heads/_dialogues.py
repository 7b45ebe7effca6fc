"""Define the base class of context heads: whole dialogues as units, padded in time and masked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from heads._inputs import BLOCKS, DIALOGUE, PAST, WHOLE, Indices, Inputs
from heads._network import NetworkHead


@dataclass(frozen=True)
class DialogueBatch:
    """B dialogues of at most T turns, M real turns in all.

    Args:
        rows: the row of each real turn, dialogue by dialogue in order (M,): the order of `values[mask]`.
        blocks: each block (B, T, width), standardized, zero in the padding.
        mask: whether a place holds a turn (B, T); turns come first, padding behind.
        speakers: number of the turn's speaker, in order of appearance in its dialogue; 0 in the padding (B, T).
    """

    rows: torch.Tensor
    blocks: tuple[torch.Tensor, ...]
    mask: torch.Tensor
    speakers: torch.Tensor

    @property
    def lengths(self) -> torch.Tensor:
        """Number of turns of each dialogue, on the CPU as packing wants it (B,)."""
        return self.mask.sum(dim=1).cpu()

    def join(self) -> torch.Tensor:
        """Return all blocks side by side (B, T, D)."""
        return torch.cat(self.blocks, dim=2)


@dataclass(kw_only=True, eq=False, repr=False)
class DialogueHead(NetworkHead):
    """Base class of heads that see the dialogue around a turn.

    Turns without a class are read like the others, and neither trained towards nor predicted. A row without a dialogue
    is a dialogue of one turn. The network returns `outputs[batch.mask]` of its outputs (B, T, C).

    Args:
        causal: look at a turn and those before it only, as a running conversation allows. If not, at the whole
            dialogue, later turns included.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({BLOCKS, DIALOGUE})

    causal: bool = False

    def describe_context(self) -> str:
        """Describe what the head sees of a dialogue."""
        return PAST if self.causal else WHOLE

    def _list_units(self, inputs: Inputs) -> list[Indices]:
        if inputs.turns is None:
            return [np.array([row]) for row in inputs.targets]
        names, dialogue = np.unique(inputs.turns.dialogue, return_inverse=True)
        order = np.lexsort((inputs.turns.position, dialogue))
        borders = np.searchsorted(dialogue[order], np.arange(1, len(names)))
        with_target = set(dialogue[inputs.targets].tolist())
        return [unit for number, unit in enumerate(np.split(order, borders)) if number in with_target]

    def _measure(self, inputs: Inputs, unit: Indices) -> int:
        return len(unit)

    def _collate(self, inputs: Inputs, units: Sequence[Indices], device: torch.device) -> DialogueBatch:
        longest = max(map(len, units))
        mask = np.array([np.arange(longest) < len(unit) for unit in units])  # (B, T)
        rows = np.concatenate(units)
        speakers = np.zeros(mask.shape, np.int64)
        if inputs.turns is not None:
            speakers[mask] = np.concatenate([_number_speakers(inputs.turns.speaker[unit]) for unit in units])
        blocks = []
        for block, scaling in zip(inputs.blocks, self.scaling_, strict=False):
            values = np.zeros((*mask.shape, block.width), np.float32)
            values[mask] = scaling.apply(inputs.read_block(block)[rows].reshape(len(rows), -1))
            blocks.append(torch.from_numpy(values).to(device))
        tensors = (torch.from_numpy(array).to(device) for array in (rows, mask, speakers))
        rows_, mask_, speakers_ = tensors
        return DialogueBatch(rows_, tuple(blocks), mask_, speakers_)


def pad_turns(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Put the values of real turns (M, H) where a mask (B, T) is true, zero elsewhere: (B, T, H)."""
    padded = values.new_zeros(*mask.shape, values.shape[1])
    padded[mask] = values
    return padded


def _number_speakers(speakers: np.ndarray) -> np.ndarray:
    """Return the number of each turn's speaker, in order of appearance (T,)."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in speakers.tolist()])

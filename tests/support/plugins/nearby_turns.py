"""One convolution over a turn and those near it: an example of a context head in one file."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from heads import DialogueBatch, DialogueHead, Layout

__all__ = ["NearbyTurnsHead"]

KIND = "heads"


@dataclass(kw_only=True, eq=False, repr=False)
class NearbyTurnsHead(DialogueHead):
    """A convolution over the turns of a dialogue, ReLU, and the classes.

    Args:
        reach: turns on either side that are read, and with `causal` those before alone, at least 1.
        hidden: channels of the convolution, at least 1.
    """

    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {**DialogueHead.SPACE, "reach": (1, 2, 4)}

    reach: int = 2
    hidden: int = 64

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        later = 0 if self.causal else self.reach
        return _Network(layout.width, self.reach, later, self.hidden, classes, self.dropout)

    def _check_params(self) -> None:
        super()._check_params()
        for name in ("reach", "hidden"):
            self._check_number(name, low=1, integer=True, inclusive=True)


class _Network(nn.Module):
    def __init__(self, width: int, earlier: int, later: int, hidden: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.margins = (earlier, later)
        self.convolution = nn.Conv1d(width, hidden, earlier + 1 + later)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, classes)

    def forward(self, batch: DialogueBatch) -> torch.Tensor:
        turns = nn.functional.pad(batch.join().transpose(1, 2), self.margins)  # (B, D, T): zero where there is no turn
        hidden = self.convolution(turns).relu().transpose(1, 2)[batch.mask]  # (M, H): of real turns
        outputs: torch.Tensor = self.output(self.dropout(hidden))  # (M, C)
        return outputs

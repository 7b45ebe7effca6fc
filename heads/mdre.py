"""Recurrent encoders of audio frames and of words, joined, with attention over the words as an option."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._audio_text import AudioTextHead
from heads._inputs import BLOCKS, FRAMES, Layout
from heads._masked import attend, find_seen, run_packed
from heads._modalities import AUDIO, TEXT, find_frames, find_side
from heads._utterances import UtteranceBatch

__all__ = ["MDREHead"]

_SIDES = {"are": (AUDIO,), "tre": (TEXT,), "mdre": (AUDIO, TEXT), "mdrea": (AUDIO, TEXT)}


@dataclass(kw_only=True, eq=False, repr=False)
class MDREHead(AudioTextHead):
    """Dual recurrent encoder: a GRU over audio frames, a GRU over token vectors, their last states joined.

    Yoon, Byun and Jung 2018, "Multimodal Speech Emotion Recognition Using Audio and Text", and the authors' code
    (david-yoon/multimodal-speech-emotion): GRUs of 200 units, at most 750 frames of 39 MFCC and 128 words, a vector of
    35 prosodic measures beside the last audio state, Adam with a learning rate of 1e-3, batches of 128, 10,000 steps.
    Vectors given beside the frames, such as `egemaps.functionals`, take the place of the prosodic ones: they are joined
    to the last state of their modality.

    With `variant="mdrea"` the last audio state, projected to the size of a text state, attends over the text states by
    dot products, and stands beside their weighted sum.

    Differences: the published code has no activation between the joined states and the classes, so that the scores of
    `mdre` are the sum of an audio part and a text part, which cannot tell classes that only both together show. Here is
    a ReLU layer (`dense=0` leaves it out). Frozen token vectors stand for GloVe vectors that are trained along. The
    loss is softmax cross entropy in place of a sigmoid for each class. Dropout is one, on the joined states: the
    published code keeps 0.7 of the inputs and states of the audio GRU, and 0.3 of the text GRU's.

    Args:
        variant: "are" (audio alone), "tre" (text alone), "mdre" (both) or "mdrea" (audio attends over words).
        hidden: units of each GRU, at least 1.
        dense: units of the ReLU layer before the classes, or 0 for none.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({BLOCKS, FRAMES})
    COST: ClassVar[float] = 5000.0

    variant: str = "mdre"
    hidden: int = 200
    dense: int = 100
    max_frames: int = 750
    max_tokens: int = 128

    @property
    def modality(self) -> str:
        """The side of a variant with one side."""
        sides = self.list_modalities()
        return sides[0] if len(sides) == 1 else ""

    def list_modalities(self) -> tuple[str, ...]:
        """List the modalities that the variant reads."""
        return _SIDES.get(self.variant, ())

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(layout, self.variant, self.hidden, self.dense, classes, self.dropout)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_choice("variant", tuple(_SIDES))
        self._check_counts("hidden")
        self._check_counts("dense", low=0)


class _Network(nn.Module):
    def __init__(self, layout: Layout, variant: str, hidden: int, dense: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.sides = nn.ModuleDict({side: _Side(layout, side, hidden) for side in _SIDES[variant]})
        width = sum(side.states + side.beside for side in self.sides.values())
        self.query = None
        if variant == "mdrea":
            audio, text = self.sides[AUDIO], self.sides[TEXT]
            self.query = nn.Linear(audio.states + audio.beside, hidden)
            width = 2 * hidden + text.beside
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(width, dense) if dense else None
        self.output = nn.Linear(dense or width, classes)

    def forward(self, batch: UtteranceBatch) -> torch.Tensor:
        joined = self.dropout(self._join(batch))
        if self.dense is not None:
            joined = self.dropout(self.dense(joined).relu())
        outputs: torch.Tensor = self.output(joined)
        return outputs

    def _join(self, batch: UtteranceBatch) -> torch.Tensor:
        parts = [side(batch) for side in self.sides.values()]
        if self.query is None:
            return torch.cat([vector for _, last, beside in parts for vector in (*last, *beside)], dim=1)
        (_, last, beside), (states, _, beside_text) = parts
        query = self.query(torch.cat([*last, *beside], dim=1))  # (B, H)
        words, mask = torch.cat(states, dim=1), torch.cat(self.sides[TEXT].select(batch.masks), dim=1)
        attended = attend(query[:, None], words, find_seen(mask, causal=False)).squeeze(1)
        return torch.cat([attended, query, *beside_text], dim=1)


class _Side(nn.Module):
    """Read the frames of one modality, and the vectors beside them."""

    def __init__(self, layout: Layout, side: str, hidden: int) -> None:
        super().__init__()
        self.frames = find_frames(layout, side)
        self.blocks = find_side((block.modality for block in layout.blocks), side)
        self.gru = nn.ModuleList(nn.GRU(layout.frames[number][2], hidden, batch_first=True) for number in self.frames)
        self.states = hidden * len(self.frames)
        self.beside = sum(layout.blocks[number].width for number in self.blocks)

    def select(self, values: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
        return [values[number] for number in self.frames]

    def forward(self, batch: UtteranceBatch) -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor]]:
        """Return of each feature the states (B, T, H) and the last one (B, H), and the vectors beside them (B, D)."""
        pairs = zip(self.select(batch.frames), self.select(batch.masks), strict=True)
        read = [run_packed(gru, frames, mask) for gru, (frames, mask) in zip(self.gru, pairs, strict=True)]
        beside = [batch.blocks[number].flatten(1) for number in self.blocks]
        return [states for states, _ in read], [last for _, last in read], beside

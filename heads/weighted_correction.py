"""Bidirectional LSTMs with self-attention over audio frames and words, corrected by a recogniser's confidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from heads._audio_text import AudioTextHead
from heads._inputs import Indices, Inputs, Layout
from heads._masked import make_lstm, pool_mean, run_packed, weigh
from heads._modalities import AUDIO, TEXT, find_frames
from heads._scaling import ColumnScaling
from heads._utterances import UtteranceBatch

__all__ = ["WeightedCorrectionHead"]

_CONFIDENCE = ".confidence"


@dataclass(kw_only=True, eq=False, repr=False)
class WeightedCorrectionHead(AudioTextHead):
    """A BLSTM and attention pooling for audio frames and for words, joined: words count by their confidence.

    Santoso et al. 2022, "Speech Emotion Recognition Based on Self-Attention Weight Correction for Acoustic and Text
    Features" (IEEE Access), of which the abstract could be read: 76.6 % weighted accuracy. Layer sizes, training and
    the formula of the correction are our own.

    A feature of frames whose name ends in `.confidence`, (T, 1) with values from 0 to 1, is a speech recogniser's
    confidence in each frame of the one feature of text frames beside it. The attention weights of the words are
    multiplied by it, and divided by their new sum. At 0 a word is left out of the sum of states, although the states of
    its neighbours have read it, and 1 everywhere changes nothing. Where all are 0, nothing of the text is left. Without
    such a feature the weights stay as they are.

    Differences: the source also raises the weights of the audio frames in which doubtful words are spoken. This needs
    the times of the words, which are not among the inputs.

    Args:
        hidden: units of each BLSTM a direction, at least 1.
        attention_size: units of the layer that scores a state, at least 1.
        dense: units of the ReLU layer that joins both, at least 1.
    """

    COST: ClassVar[float] = 6000.0

    hidden: int = 100
    attention_size: int = 64
    dense: int = 100

    def _fit_scaling(self, inputs: Inputs) -> list[ColumnScaling]:
        unscaled = ColumnScaling(np.zeros(1, np.float32), np.ones(1, np.float32))
        measured = super()._fit_scaling(inputs)
        names = [block.name for block in inputs.blocks] + [one.name for one in inputs.frames]
        return [
            unscaled if name.endswith(_CONFIDENCE) else scaling for name, scaling in zip(names, measured, strict=True)
        ]

    def _collate(self, inputs: Inputs, units: Sequence[Indices], device: torch.device) -> UtteranceBatch:
        batch = super()._collate(inputs, units, device)
        for number in _find_confidence(self.layout_):
            name, values = inputs.frames[number].name, batch.frames[number]
            (text,) = _find_features(self.layout_, TEXT)
            if not torch.equal(batch.masks[number], batch.masks[text]):
                raise ValueError(f"{name} has another number of frames than {inputs.frames[text].name}")
            if values.min() < 0 or values.max() > 1:
                raise ValueError(f"{name} has values outside 0 to 1")
        return batch

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(layout, self.hidden, self.attention_size, self.dense, classes, self.dropout)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("hidden", "attention_size", "dense")


def _find_confidence(layout: Layout) -> list[int]:
    """List the number of the confidences among the features of frames, if there are any.

    Raises:
        ValueError: there are several, they are not (T, 1), or it is not clear which frames they are of.
    """
    found = [number for number, (name, _, _) in enumerate(layout.frames) if name.endswith(_CONFIDENCE)]
    if found and (len(found) > 1 or len(_find_features(layout, TEXT)) > 1 or layout.frames[found[0]][2] != 1):
        names = ", ".join(name for name, _, _ in layout.frames)
        raise ValueError(f"confidences are one feature (T, 1) beside one feature of text frames, got {names}")
    return found


def _find_features(layout: Layout, side: str) -> list[int]:
    """List the numbers of the frames of a modality that are not confidences.

    Raises:
        ValueError: there is none.
    """
    found = [number for number in find_frames(layout, side) if not layout.frames[number][0].endswith(_CONFIDENCE)]
    if not found:
        raise ValueError(f"the features have no frames of {side} beside the confidences")
    return found


class _Network(nn.Module):
    def __init__(
        self, layout: Layout, hidden: int, attention_size: int, dense: int, classes: int, dropout: float
    ) -> None:
        super().__init__()
        self.audio, self.text = _find_features(layout, AUDIO), _find_features(layout, TEXT)
        self.confidence = _find_confidence(layout)
        widths = [layout.frames[number][2] for number in self.audio + self.text]
        self.pools = nn.ModuleList(_AttentiveLSTM(width, hidden, attention_size) for width in widths)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(2 * hidden * len(widths), dense)
        self.output = nn.Linear(dense, classes)

    def forward(self, batch: UtteranceBatch) -> torch.Tensor:
        vectors = []
        for place, number in enumerate(self.audio + self.text):
            is_text = place >= len(self.audio)
            trust = batch.frames[self.confidence[0]].squeeze(2) if is_text and self.confidence else None
            vectors.append(self.pools[place](batch.frames[number], batch.masks[number], trust))
        joined = self.dense(self.dropout(torch.cat(vectors, dim=1))).relu()
        outputs: torch.Tensor = self.output(self.dropout(joined))
        return outputs


class _AttentiveLSTM(nn.Module):
    """Weigh the states of a BLSTM by how they look and by how far each frame is trusted."""

    def __init__(self, width: int, hidden: int, attention_size: int) -> None:
        super().__init__()
        self.lstm = make_lstm(width, hidden)
        self.look = nn.Linear(2 * hidden, attention_size)
        self.score = nn.Linear(attention_size, 1, bias=False)

    def forward(self, frames: torch.Tensor, mask: torch.Tensor, trust: torch.Tensor | None) -> torch.Tensor:
        """Pool frames (B, T, D) to a vector (B, H), with weights multiplied by `trust` (B, T) if there is one."""
        states, _ = run_packed(self.lstm, frames, mask)
        weights = weigh(self.score(self.look(states).tanh()).squeeze(2), mask)  # (B, T)
        if trust is not None:
            weights = weights * trust
            weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
        return pool_mean(states, weights)

"""Capsules of each modality's emotion vector and the sentence vector, read by a bidirectional LSTM (EmoCaps)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._dialogues import DialogueBatch, DialogueHead
from heads._inputs import Layout
from heads._masked import count_states, make_lstm, run_packed
from heads._modalities import TEXT, group_blocks, join_modalities, measure_modalities

__all__ = ["EmoCapsHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class EmoCapsHead(DialogueHead):
    """EmoCaps: map each modality to an emotion vector, join them with the sentence vector, read the dialogue.

    Li et al. 2022, "EmoCaps: Emotion Capsule based Model for Conversational Emotion Recognition" (a copy of the
    authors' code for IEMOCAP is kept in Jing-yilin/EmoCaps-FFN). Each modality passes a transformer block of its own
    and a mapping to an emotion vector. The emotion vectors and the sentence vector are a turn's capsule, which an LSTM
    over the dialogue reads, then a linear layer with ReLU and the classes.

    The sentence vector is that of the text features as they are. Features of unknown modality, such as a plain matrix,
    are their own sentence vector, and so are audio features where there is no text. Features of the same modality are
    joined.

    Published settings: text, audio and video; capsules of 456 columns, `hidden=100`, `layers=2`, Adam with a learning
    rate of 1e-4 and weight decay 1e-5, dropout 0.25, 32 dialogues a batch, 80 epochs.

    Differences: the published capsules are made beforehand, from sequences inside an utterance; here they are made
    from its vectors and trained with the rest. A vector is a sequence of one, whose self-attention is a linear layer,
    so it is built as one. Dialogues are not standardized each by itself. They are packed, so that the LSTM never reads
    padding. The epoch is chosen on dialogues kept aside from training; the published code keeps the epoch with the
    lowest loss on test.

    Args:
        width: of the transformer blocks, at least 1; their inner layer has twice as many units.
        emotion: columns of an emotion vector, at least 1.
        hidden: units of the LSTM a direction, and of the linear layer, at least 1.
        layers: of the LSTM, at least 1.
    """

    COST: ClassVar[float] = 45.0

    width: int = 128
    emotion: int = 100
    hidden: int = 100
    layers: int = 2

    def list_modalities(self) -> tuple[str, ...]:
        """List the text, whose vector is the sentence vector."""
        return (TEXT,)

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(self, layout, classes)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("width", "emotion", "hidden", "layers")


class _Network(nn.Module):
    def __init__(self, head: EmoCapsHead, layout: Layout, classes: int) -> None:
        super().__init__()
        self.groups = group_blocks(layout.blocks)
        sizes = measure_modalities(layout.blocks)
        self.sentence = _find_sentence(layout)  # numbers of modalities
        self.emoformers = nn.ModuleList(
            _Emoformer(size, head.width, head.emotion, head.dropout) for size in sizes.values()
        )
        capsule = head.emotion * len(sizes) + sum(list(sizes.values())[number] for number in self.sentence)
        self.lstm = make_lstm(capsule, head.hidden, head.layers, head.dropout, causal=head.causal)
        self.linear = nn.Linear(count_states(self.lstm), head.hidden)
        self.dropout = nn.Dropout(head.dropout)
        self.output = nn.Linear(head.hidden, classes)

    def forward(self, batch: DialogueBatch) -> torch.Tensor:
        modalities = join_modalities(batch.blocks, self.groups)
        emotions = [map_(values) for map_, values in zip(self.emoformers, modalities, strict=True)]
        capsules = torch.cat([*emotions, *(modalities[number] for number in self.sentence)], dim=2)  # (B, T, D)
        states, _ = run_packed(self.lstm, capsules, batch.mask)
        hidden = self.dropout(self.linear(states[batch.mask]).relu())
        outputs: torch.Tensor = self.output(hidden)  # (M, C)
        return outputs


class _Emoformer(nn.Module):
    """Map a modality's vector to an emotion vector by a transformer block for a sequence of one."""

    def __init__(self, columns: int, width: int, emotion: int, dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(columns, width)
        self.attend = nn.Linear(width, width)
        self.norm_attended, self.norm_mapped = nn.LayerNorm(width), nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)
        self.emotion = nn.Linear(width, emotion)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values = self.project(values)
        values = self.norm_attended(values + self.dropout(self.attend(values)))
        values = self.norm_mapped(values + self.dropout(self.outer(self.inner(values).relu())))
        emotion: torch.Tensor = self.emotion(values)
        return emotion


def _find_sentence(layout: Layout) -> list[int]:
    """Find the modalities that are the sentence vector: the text and those unknown, or all if there is neither."""
    known = {block.modality for block in layout.blocks}
    modalities = list(group_blocks(layout.blocks))
    found = [number for number, name in enumerate(modalities) if name == TEXT or name not in known]
    return found or list(range(len(modalities)))

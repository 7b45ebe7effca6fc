"""Hierarchical fusion of the modalities, two by two and then all, with GRUs over the dialogue (CHFusion)."""

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import torch
from torch import nn

from heads._dialogues import DialogueBatch, DialogueHead
from heads._inputs import Layout
from heads._masked import count_states, run_packed
from heads._modalities import AUDIO, TEXT, group_blocks, join_modalities, measure_modalities

__all__ = ["CHFusionHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class CHFusionHead(DialogueHead):
    """CHFusion: fuse each pair of modalities, read the dialogue, fuse the pairs, read the dialogue again.

    Majumder et al. 2018, "Multimodal Sentiment Analysis using Hierarchical Fusion with Context Modeling"
    (SenticNet/hfusion). Modalities x and y, each through a dense layer with tanh, are fused column by column:
    tanh(w1 * x + w2 * y + b). A GRU reads the fused turns of the dialogue, and a dense layer with tanh follows. The
    pairs are fused in the same way. A last GRU, joined with what it read, leads to a dense layer with ReLU and the
    classes.

    With two modalities there is one pair and nothing to fuse after it: the last GRU reads the pair. With one, or with
    a plain matrix, it reads the dense layer of this one. From three on, all pairs are fused at once. Features of the
    same modality are joined, and a feature of unknown modality is a modality of its own.

    Published settings: text, audio and video; `width=450`, GRUs of 600 units for pairs and 500 for all three, dense
    layers of 500 and 450, dropout 0.9 and 0.86 after the GRUs, Adam with learning rates of 1e-3 and 1e-4, 20 dialogues
    a batch, at most 200 epochs for the pairs and 100 for all three. Their code prints test figures at every epoch.

    Differences: all is trained at once, where the published code trains the GRU of each pair first and then freezes
    it. GRUs run in both directions; the published ones run forward only, as `causal` does here. Dropout of a GRU's
    inputs and the first GRU of each modality are left out: the features are the encoders'.

    Args:
        width: of the dense layers and of fused turns, at least 1.
        hidden: units of each GRU a direction, at least 1.
    """

    COST: ClassVar[float] = 25.0

    width: int = 128
    hidden: int = 100

    def list_modalities(self) -> tuple[str, ...]:
        """List both modalities: with one there is nothing to fuse."""
        return (AUDIO, TEXT)

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(self, layout, classes)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("width", "hidden")


class _Network(nn.Module):
    def __init__(self, head: CHFusionHead, layout: Layout, classes: int) -> None:
        super().__init__()
        self.groups = group_blocks(layout.blocks)
        sizes = measure_modalities(layout.blocks).values()
        self.dense = nn.ModuleList(nn.Linear(size, head.width, bias=False) for size in sizes)
        self.pairs = list(combinations(range(len(self.groups)), 2))
        self.fuse_pairs = nn.ModuleList(_Fusion(2, head.width) for _ in self.pairs)
        several = len(self.pairs) > 1
        self.read_pairs = nn.ModuleList(_Reader(head) for _ in self.pairs if several)
        self.fuse_all = _Fusion(len(self.pairs), head.width) if several else None
        self.read_all = _make_gru(head)
        self.dropout = nn.Dropout(head.dropout)
        self.linear = nn.Linear(head.width + count_states(self.read_all), head.width)
        self.output = nn.Linear(head.width, classes)

    def forward(self, batch: DialogueBatch) -> torch.Tensor:
        joined = join_modalities(batch.blocks, self.groups)
        modalities = [dense(values).tanh() for dense, values in zip(self.dense, joined, strict=True)]
        fused = self._fuse(modalities, batch.mask)  # (B, T, W)
        states, _ = run_packed(self.read_all, fused, batch.mask)
        joined = torch.cat([fused, self.dropout(states)], dim=2)[batch.mask]
        hidden = self.dropout(self.linear(joined).relu())
        outputs: torch.Tensor = self.output(hidden)  # (M, C)
        return outputs

    def _fuse(self, modalities: list[torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
        pairs = [
            fuse([modalities[first], modalities[second]])
            for fuse, (first, second) in zip(self.fuse_pairs, self.pairs, strict=True)
        ]
        if self.fuse_all is None:
            alone: torch.Tensor = (pairs or modalities)[0]
            return alone
        fused: torch.Tensor = self.fuse_all(
            [read(pair, mask) for read, pair in zip(self.read_pairs, pairs, strict=True)]
        )
        return fused


class _Fusion(nn.Module):
    """Fuse K vectors of the same width column by column: tanh(w1 * x1 + ... + wK * xK + b)."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(count, width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, values: list[torch.Tensor]) -> torch.Tensor:
        return sum((w * x for w, x in zip(self.weights, values, strict=True)), self.bias).tanh()


class _Reader(nn.Module):
    """Read the fused turns of a dialogue by a GRU and a dense layer with tanh."""

    def __init__(self, head: CHFusionHead) -> None:
        super().__init__()
        self.gru = _make_gru(head)
        self.dropout = nn.Dropout(head.dropout)
        self.linear = nn.Linear(count_states(self.gru), head.width)

    def forward(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states, _ = run_packed(self.gru, values, mask)
        read: torch.Tensor = self.linear(self.dropout(states)).tanh()
        return read


def _make_gru(head: CHFusionHead) -> nn.GRU:
    return nn.GRU(head.width, head.hidden, batch_first=True, bidirectional=not head.causal)

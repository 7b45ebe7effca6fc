"""DialogueCRN: turns of reasoning over the dialogue and over each speaker's own turns."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._dialogues import DialogueBatch, DialogueHead
from heads._inputs import Layout
from heads._masked import attend, count_states, find_seen, make_lstm, run_packed, scatter

__all__ = ["DialogueCRNHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class DialogueCRNHead(DialogueHead):
    """DialogueCRN: two recurrent contexts, each asked several times by a query that attends to all turns.

    One LSTM reads the dialogue (situation level). Another reads each speaker's own turns, with the same weights for all
    speakers (speaker level). At either level a query is made of the turn's context, and in every step an LSTM cell
    updates it and attends with it to the contexts of all turns (inner products). The queries of both levels pass ReLU
    and a linear layer. Where no speaker is known, all turns of a dialogue are one speaker's, and both levels read the
    whole dialogue.

    Hu, Wei and Huai 2021, "DialogueCRN: Contextual Reasoning Networks for Emotion Recognition in Conversations", ACL;
    zerohd4869/DialogueCRN. Published settings: 2 layers of 128 units a direction, 3 steps at situation level and 0 at
    speaker level on vectors of 1,024 columns of RoBERTa (3 and 4 on GloVe), Adam with a learning rate of 1e-4 and L2 of
    2e-4, dropout 0.2, batches of 32 dialogues, at most 100 epochs with a patience of 20, loss weights inverse to the
    classes' frequencies. The defaults here are the same sizes and steps with a learning rate of 1e-3, L2 of 1e-5,
    dropout 0.5, at most 60 epochs with a patience of 10, and no class weights.

    Differences: dialogues and speakers' turns are packed, so that the backward direction starts at a last turn and not
    in the padding. The epoch is the one with the best recall on dialogues kept aside from training. The published code
    keeps 10 % of them aside for RoBERTa, and chooses the epoch on test where its settings keep none. Weights decay as
    AdamW's do. Its focal loss is left out: at the published setting (gamma 0) it is the cross entropy.

    Args:
        hidden: units of both LSTMs a direction, at least 1.
        layers: of both LSTMs, at least 1.
        situation_steps: steps of reasoning over the dialogue, at least 0.
        speaker_steps: steps of reasoning over the speakers' turns, at least 0.
    """

    COST: ClassVar[float] = 250.0

    hidden: int = 128
    layers: int = 2
    situation_steps: int = 3
    speaker_steps: int = 0

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(self, layout.width, classes)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("hidden", "layers")
        self._check_counts("situation_steps", "speaker_steps", low=0)


class _Network(nn.Module):
    """D columns; H units of a context, of all directions; M real turns."""

    def __init__(self, head: DialogueCRNHead, width: int, classes: int) -> None:
        super().__init__()
        self.causal = head.causal
        self.situation, self.speaker = (
            make_lstm(width, head.hidden, head.layers, head.dropout, causal=head.causal) for _ in range(2)
        )
        size = count_states(self.situation)
        self.query = nn.Linear(size, 2 * size)
        self.reasoning = nn.ModuleList(_Reasoning(size, steps) for steps in (head.situation_steps, head.speaker_steps))
        self.dropout = nn.Dropout(head.dropout)
        self.output = nn.Linear(4 * size, classes)

    def forward(self, batch: DialogueBatch) -> torch.Tensor:
        turns, mask = batch.join(), batch.mask
        seen = find_seen(mask, causal=self.causal)
        places = torch.arange(len(mask), device=mask.device)[:, None].expand_as(mask)[mask]  # the dialogue of each turn
        of_speaker = places * (batch.speakers.max() + 1) + batch.speakers[mask]
        contexts = (_read(self.situation, turns[mask], places), _read(self.speaker, turns[mask], of_speaker))
        queries = [
            reason(scatter(context, mask), mask, seen, self.query(context))
            for reason, context in zip(self.reasoning, contexts, strict=True)
        ]
        outputs: torch.Tensor = self.output(self.dropout(torch.cat(queries, dim=1).relu()))  # (M, C)
        return outputs


class _Reasoning(nn.Module):
    """Update the query of each turn in some steps."""

    def __init__(self, size: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.cell = nn.LSTMCell(2 * size, size) if steps else None

    def forward(
        self, contexts: torch.Tensor, mask: torch.Tensor, seen: torch.Tensor, query: torch.Tensor
    ) -> torch.Tensor:
        """Return the queries (M, 2H) after all steps, of contexts (B, T, H)."""
        if self.cell is None:
            return query
        hidden = cell = query.new_zeros(len(query), contexts.shape[2])
        for _ in range(self.steps):
            hidden, cell = self.cell(query, (hidden, cell))
            query = torch.cat([hidden, attend(scatter(hidden, mask), contexts, seen)[mask]], dim=1)
        return query


def _read(lstm: nn.LSTM, turns: torch.Tensor, sequence: torch.Tensor) -> torch.Tensor:
    """Run an LSTM over the turns (M, D) of each sequence, given the sequence of each turn (M,): (M, H)."""
    _, number, lengths = torch.unique(sequence, return_inverse=True, return_counts=True)
    order = number.argsort(stable=True)
    mask = torch.arange(int(lengths.max()), device=turns.device) < lengths[:, None]  # (sequences, longest)
    states, _ = run_packed(lstm, scatter(turns[order], mask), mask)
    return states[mask][order.argsort()]

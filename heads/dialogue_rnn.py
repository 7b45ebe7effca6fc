"""DialogueRNN: recurrent states of the dialogue, of each speaker and of the emotion."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._dialogues import DialogueBatch, DialogueHead
from heads._inputs import Layout
from heads._masked import attend, find_seen, scatter

__all__ = ["DialogueRNNHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class DialogueRNNHead(DialogueHead):
    """DialogueRNN: three gated recurrent units follow the dialogue, its speakers and the emotion.

    At each turn, the global state reads the turn and its speaker's state. The speaker's state reads the turn and what
    the turn attends to among the global states before it. The emotion state reads the speaker's state. The states of
    those who listen stay as they are. The emotion states of both directions attend to each other (bilinear scores) and
    pass a linear layer with ReLU. Where no speaker is known, all turns of a dialogue are one
    speaker's, whose state then follows the dialogue.

    Majumder, Poria, Hazarika, Mihalcea, Gelbukh and Cambria 2019, "DialogueRNN: An Attentive RNN for Emotion Detection
    in Conversations", AAAI; declare-lab/conv-emotion, `DialogueRNN`. Published settings: states of 500 (global), 500
    (speakers) and 300 (emotion), a linear layer of 300 a direction, Adam with a learning rate of 1e-4 and L2 of 1e-5,
    dropout 0.1, batches of 30 dialogues, 60 epochs, loss weights inverse to the classes' frequencies, on text vectors
    of 100 columns: `global_size=500, speaker_size=500, emotion_size=300, hidden=300, learning_rate=1e-4, dropout=0.1,
    batch_size=30, class_weight="balanced"`. The defaults here are smaller, as the same repository's are for vectors of
    1,024 columns (`COSMIC`: global and speaker states of 150, a linear layer of 100), with a learning rate of 1e-3 and
    no class weights.

    Differences: dropout is on the emotion states and the linear layer, not within the recurrences. The epoch is chosen
    on dialogues kept aside from training. The published code reports the epoch with the lowest loss on test. Weights
    decay as AdamW's do.

    Args:
        global_size: units of the state of the dialogue, at least 1.
        speaker_size: units of the state of each speaker, at least 1.
        emotion_size: units of the state of the emotion, at least 1.
        hidden: units of the linear layer a direction, at least 1.
        attention: let emotion states attend to each other, with `causal` to themselves and those before only.
    """

    COST: ClassVar[float] = 150.0

    global_size: int = 150
    speaker_size: int = 150
    emotion_size: int = 100
    hidden: int = 100
    attention: bool = True

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(self, layout.width, classes)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("global_size", "speaker_size", "emotion_size", "hidden")


class _Network(nn.Module):
    """R directions (1 or 2), B dialogues, T steps. G units of the global state, S of a speaker's, E of the emotion."""

    def __init__(self, head: DialogueRNNHead, width: int, classes: int) -> None:
        super().__init__()
        self.causal = head.causal
        directions = 1 if head.causal else 2
        self.speaker = _Speakers(width, head.global_size, head.speaker_size, directions)
        self.emotion = nn.ModuleList(nn.GRU(head.speaker_size, head.emotion_size) for _ in range(directions))
        size = directions * head.emotion_size
        self.query = nn.Linear(size, size) if head.attention else None
        self.linear = nn.Linear(size, directions * head.hidden)
        self.dropout = nn.Dropout(head.dropout)
        self.output = nn.Linear(directions * head.hidden, classes)

    def forward(self, batch: DialogueBatch) -> torch.Tensor:
        order = _order_turns(batch, len(self.emotion))  # (R, T, B)
        speakers = self.speaker(batch, order)  # (R, T, B, S)
        # in either direction padding comes last, so that it enters the state of no turn
        emotions = [gru(states)[0] for gru, states in zip(self.emotion, speakers, strict=True)]
        emotion = torch.cat([_reorder(*pair) for pair in zip(emotions, order, strict=True)], dim=2).transpose(0, 1)
        emotion = self.dropout(emotion)  # (B, T, R * E)
        if self.query is not None:
            emotion = attend(self.query(emotion), emotion, find_seen(batch.mask, causal=self.causal))
        hidden = self.dropout(self.linear(emotion[batch.mask]).relu())
        outputs: torch.Tensor = self.output(hidden)  # (M, C)
        return outputs


class _Speakers(nn.Module):
    """The global and the speakers' states, step by step in all directions at once.

    What depends on the turns alone is computed before the steps.
    """

    def __init__(self, width: int, global_size: int, size: int, directions: int) -> None:
        super().__init__()
        self.sizes = [3 * global_size, 3 * size]  # a unit has three gates
        self.turn = nn.ModuleList(nn.Linear(width, sum(self.sizes)) for _ in range(directions))
        self.query = nn.ModuleList(nn.Linear(width, global_size, bias=False) for _ in range(directions))
        self.by_global = _draw(directions, global_size, 3 * global_size)
        self.by_speaker = _draw(directions, size, sum(self.sizes))
        self.by_context = _draw(directions, global_size, 3 * size)
        self.global_bias = _draw(directions, global_size, 3 * global_size, rows=1)
        self.speaker_bias = _draw(directions, size, 3 * size, rows=1)

    def forward(self, batch: DialogueBatch, order: torch.Tensor) -> torch.Tensor:
        """Return the state of the one who speaks after each step (R, T, B, S), given the turn that each step reads."""
        inputs, queries = self._read_turns(batch, order)
        speakers = torch.stack([batch.speakers.T.gather(0, places) for places in order], dim=1)
        speaks = nn.functional.one_hot(speakers).bool()[..., None]  # (T, R, B, P, 1), P the most speakers of a dialogue
        directions, dialogues, size = queries.shape[1:]
        state = context = queries.new_zeros(directions, dialogues, size)
        history = state[:, :, None][:, :, :0]  # global states so far (R, B, t, G)
        parties = queries.new_zeros(*speaks.shape[1:4], self.sizes[1] // 3)  # (R, B, P, S)
        steps: list[torch.Tensor] = []
        for turn, query, who in zip(inputs.unbind(), queries.unbind(), speaks.unbind(), strict=True):
            if steps:
                context = attend(query[:, :, None], history).squeeze(2)
            state, own = self._step(turn, state, context, (parties * who).sum(dim=2))
            history = torch.cat([history, state[:, :, None]], dim=2)
            parties = torch.where(who, own[:, :, None], parties)
            steps.append(own)
        return torch.stack(steps, dim=1)

    def _read_turns(self, batch: DialogueBatch, order: torch.Tensor) -> list[torch.Tensor]:
        """Compute what gates (T, R, B, 3G + 3S) and attention (T, R, B, G) read of the turns."""
        mask, turns = batch.mask.T, batch.join().transpose(0, 1)  # (T, B), (T, B, D)
        read = [_reorder(turns, places)[mask] for places in order]  # of each direction (M, D)
        return [
            torch.stack([scatter(layer(values), mask) for layer, values in zip(layers, read, strict=True)], dim=1)
            for layers in (self.turn, self.query)
        ]

    def _step(
        self, turn: torch.Tensor, state: torch.Tensor, context: torch.Tensor, own: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the next global state (R, B, G) and the next state of the one who speaks (R, B, S)."""
        to_global, to_speaker = turn.split(self.sizes, dim=2)
        own_to_global, own_to_speaker = (own @ self.by_speaker).split(self.sizes, dim=2)
        by_global = torch.baddbmm(self.global_bias, state, self.by_global)
        return (
            _update(to_global + own_to_global, by_global, state),
            _update(to_speaker + context @ self.by_context, own_to_speaker + self.speaker_bias, own),
        )


def _update(inputs: torch.Tensor, states: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """Return the next state (R, B, H) of a gated recurrent unit, of what its gates read (R, B, 3H) each."""
    size = old.shape[2]
    reset, keep = (inputs[..., : 2 * size] + states[..., : 2 * size]).sigmoid().chunk(2, dim=2)
    new = (inputs[..., 2 * size :] + reset * states[..., 2 * size :]).tanh()
    return torch.lerp(new, old, keep)


def _order_turns(batch: DialogueBatch, directions: int) -> torch.Tensor:
    """List the place of the turn that each step reads (R, T, B). To reorder twice is to leave the order as it was."""
    places = torch.arange(batch.mask.shape[1], device=batch.mask.device)[:, None].expand(batch.mask.T.shape)
    backward = batch.mask.sum(dim=1) - 1 - places
    return torch.stack([places, torch.where(backward >= 0, backward, places)][:directions])


def _reorder(values: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Take the values (T, B, H) of places (T, B)."""
    return values.gather(0, places[:, :, None].expand_as(values))


def _draw(directions: int, size: int, gates: int, *, rows: int | None = None) -> nn.Parameter:
    """Draw the weights of each direction, uniform within 1 / sqrt(size) as torch does for recurrent units."""
    return nn.Parameter(torch.empty(directions, rows or size, gates).uniform_(-(size**-0.5), size**-0.5))

"""Cross-modal attention between the frames of audio and of text, both ways, with a gate."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._audio_text import AudioTextHead
from heads._inputs import Layout
from heads._masked import pool_maximum
from heads._modalities import AUDIO, TEXT, find_frames
from heads._utterances import UtteranceBatch

__all__ = ["MMERHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class MMERHead(AudioTextHead):
    """Text attends to audio, audio to text and text to that again, a gate weighs the first, and audio stands beside.

    Ghosh et al. 2023, "MMER: Multimodal Multi-task Learning for Speech Emotion Recognition", and the authors' code
    (Sreyan88/MMER). With one transformer layer each: text attends to itself, then to audio (A). Audio attends to text,
    and text to that (P). The words' vectors `[P, gate * A]`, with `gate = sigmoid(linear([P, A]))`, are pooled by their
    maximum and halved in width by a linear layer. They stand beside the maximum of the audio frames. Published: layers
    of 768, 12 heads, dropout 0.1, AdamW with 5e-5, batches of 2, 4 of them a step, 100 epochs.

    Differences: only the attention is left of it. The published wav2vec 2.0 is tuned along, with a CTC loss on the
    transcript and contrastive losses on reworded text and synthetic speech. These auxiliary losses need raw audio,
    which a head on frozen frames does not have. Frames are projected to the layers' width once. A ReLU layer stands
    before the classes. The published epoch is the best one on the test session; here it is chosen on a part kept aside.

    Attention knows no order of its own: it lies in the frames as far as their encoder put it there.

    Args:
        hidden: width of the attention layers, a multiple of `attention_heads`.
        attention_heads: of each layer, at least 1.
    """

    COST: ClassVar[float] = 4000.0

    hidden: int = 128
    attention_heads: int = 4

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(layout, self.hidden, self.attention_heads, classes, self.dropout)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("hidden", "attention_heads")
        if self.hidden % self.attention_heads:
            raise ValueError(f"hidden must be a multiple of attention_heads={self.attention_heads}, got {self.hidden}")


class _Network(nn.Module):
    def __init__(self, layout: Layout, hidden: int, heads: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.audio = _Projection(layout, AUDIO, hidden, dropout)
        self.text = _Projection(layout, TEXT, hidden, dropout)
        self.text_to_itself, self.text_to_audio, self.audio_to_text, self.text_to_aware = (
            _Attention(hidden, heads, dropout) for _ in range(4)
        )
        self.gate = nn.Linear(2 * hidden, hidden)
        self.halve = nn.Linear(2 * hidden, hidden)
        self.dense = nn.Linear(2 * hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, classes)

    def forward(self, batch: UtteranceBatch) -> torch.Tensor:
        (audio, heard), (words, read) = self.audio(batch), self.text(batch)
        words = self.text_to_itself(words, words, read)
        of_audio = self.text_to_audio(words, audio, heard)  # A (B, T, H)
        aware = self.audio_to_text(audio, words, read)
        of_text = self.text_to_aware(words, aware, heard)  # P (B, T, H)
        gate = self.gate(torch.cat([of_text, of_audio], dim=2)).sigmoid()
        both = self.halve(pool_maximum(torch.cat([of_text, gate * of_audio], dim=2), read))
        joined = torch.cat([pool_maximum(audio, heard), both], dim=1)
        outputs: torch.Tensor = self.output(self.dropout(self.dense(self.dropout(joined)).relu()))
        return outputs


class _Projection(nn.Module):
    """Project every feature of a modality to one width, one feature's frames behind another's."""

    def __init__(self, layout: Layout, side: str, hidden: int, dropout: float) -> None:
        super().__init__()
        self.frames = find_frames(layout, side)
        self.linear = nn.ModuleList(nn.Linear(layout.frames[number][2], hidden) for number in self.frames)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: UtteranceBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return frames (B, T, H) and their mask (B, T)."""
        pairs = zip(self.linear, self.frames, strict=True)
        projected = [linear(batch.frames[number]) for linear, number in pairs]
        mask = torch.cat([batch.masks[number] for number in self.frames], dim=1)
        return self.dropout(torch.cat(projected, dim=1)), mask


class _Attention(nn.Module):
    """A transformer layer whose queries and keys may come from two sequences, normalized after each sum."""

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(hidden, heads, dropout, batch_first=True)
        self.inner, self.outer = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.feed = nn.Sequential(nn.Linear(hidden, 4 * hidden), nn.GELU(), nn.Linear(4 * hidden, hidden))
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: torch.Tensor, keys: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        seen, _ = self.attention(queries, keys, keys, key_padding_mask=~mask, need_weights=False)
        values = self.inner(queries + self.dropout(seen))
        outputs: torch.Tensor = self.outer(values + self.dropout(self.feed(values)))
        return outputs

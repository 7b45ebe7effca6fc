"""Define the base class of heads that read text as a sequence: frozen token vectors, or words of the transcript."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from heads._base import Codes
from heads._inputs import FRAMES, WORDS, Indices, Inputs, Layout
from heads._masked import pad
from heads._modalities import TEXT, find_frames
from heads._utterances import UtteranceBatch, UtteranceHead
from heads._vocabulary import Vocabulary, fit_vocabulary, load_vocabulary

_OWN = "own"


@dataclass(kw_only=True, eq=False, repr=False)
class TextHead(UtteranceHead):
    """Base class of heads that read text as a sequence: encoder, ReLU layer, classes.

    Each feature of frames of text has an encoder of its own, and their vectors are joined. A feature of unknown
    modality, such as a plain matrix, is read as text.

    With `embedding="own"` the head reads the words of the transcripts instead, in lower case and without punctuation,
    through an embedding that it learns. It knows the words of its training transcripts only. Every other word is one
    unknown word, which is also what an empty transcript reads as.

    A head implements `_build_encoder`: a module that maps frames (B, T, D) and their mask (B, T) to (B, `size`).

    Args:
        embedding: "frozen" (token vectors) or "own" (words of the transcript).
        embedding_size: dimensions of the own embedding, at least 1.
        min_count: times that a word stands in the training transcripts to be known, at least 1. Rarer ones are unknown,
            and teach the head what to make of words that it will never have seen.
        dense: units of the ReLU layer before the classes, at least 1.

    Attributes:
        vocabulary_: of the own embedding, else None.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({FRAMES, WORDS})
    KIND: ClassVar[str] = "frames"

    embedding: str = "frozen"
    embedding_size: int = 128
    min_count: int = 2
    dense: int = 256

    @property
    def takes(self) -> frozenset[str]:
        """Words, or frames of text."""
        return frozenset({WORDS if self.embedding == _OWN else FRAMES})

    @property
    def modality(self) -> str:
        """Text."""
        return TEXT

    def list_modalities(self) -> tuple[str, ...]:
        """List text, or nothing where words are read and no feature is."""
        return () if self.embedding == _OWN else (TEXT,)

    def save_weights(self, folder: Path) -> None:
        """Write `network.safetensors`, and `vocabulary.json` of an own embedding."""
        super().save_weights(folder)
        if self.vocabulary_ is not None:
            self.vocabulary_.save(folder)

    def load_weights(self, folder: Path) -> None:
        """Read what `save_weights` wrote."""
        self.vocabulary_: Vocabulary | None = load_vocabulary(folder) if self.embedding == _OWN else None
        super().load_weights(folder)

    @abstractmethod
    def _build_encoder(self, width: int) -> nn.Module:
        """Build the module that reads one feature of `width` dimensions."""

    def _fit(self, X: Inputs, codes: Codes) -> None:
        self._check_params()
        self.vocabulary_ = None
        if self.embedding == _OWN:
            self.vocabulary_ = fit_vocabulary((self._read_words(X, row) for row in X.targets), self.min_count)
        super()._fit(X, codes)

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        if self.vocabulary_ is None:
            numbers, table = find_frames(layout, TEXT), None
            widths = [layout.frames[number][2] for number in numbers]
        else:
            numbers, widths = [0], [self.embedding_size]
            table = nn.Embedding(len(self.vocabulary_), self.embedding_size)
        encoders = nn.ModuleList(self._build_encoder(width) for width in widths)
        return _Network(table, numbers, encoders, self.dense, classes, self.dropout)

    def _measure(self, inputs: Inputs, unit: Indices) -> int:
        return super()._measure(inputs, unit) if self.vocabulary_ is None else len(self._encode(inputs, unit[0]))

    def _collate(self, inputs: Inputs, units: Sequence[Indices], device: torch.device) -> UtteranceBatch:
        if self.vocabulary_ is None:
            return super()._collate(inputs, units, device)
        rows = np.concatenate(units)
        words, mask = pad([torch.tensor(self._encode(inputs, row)) for row in rows])  # (B, T)
        return UtteranceBatch(torch.from_numpy(rows).to(device), (), (words.to(device),), (mask.to(device),))

    def _encode(self, inputs: Inputs, row: int) -> list[int]:
        assert self.vocabulary_ is not None
        return self.vocabulary_.encode(self._read_words(inputs, row))[: self.max_frames or None]

    def _read_words(self, inputs: Inputs, row: int) -> str:
        if inputs.words is None:
            raise ValueError(f"{type(self).__name__} with embedding='own' reads transcripts, and the inputs have none")
        return inputs.words[row]

    def _check_params(self) -> None:
        super()._check_params()
        self._check_choice("embedding", ("frozen", _OWN))
        self._check_counts("embedding_size", "min_count", "dense")


class _Network(nn.Module):
    def __init__(
        self,
        table: nn.Embedding | None,
        numbers: list[int],
        encoders: nn.ModuleList,
        dense: int,
        classes: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.table, self.numbers, self.encoders = table, numbers, encoders
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(sum(encoder.size for encoder in encoders), dense)
        self.output = nn.Linear(dense, classes)

    def forward(self, batch: UtteranceBatch) -> torch.Tensor:
        vectors = []
        for number, encoder in zip(self.numbers, self.encoders, strict=True):
            frames = batch.frames[number] if self.table is None else self.table(batch.frames[number])
            vectors.append(encoder(frames, batch.masks[number]))
        hidden = self.dense(self.dropout(torch.cat(vectors, dim=1))).relu()
        outputs: torch.Tensor = self.output(self.dropout(hidden))
        return outputs

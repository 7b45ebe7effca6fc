"""Convolutions over audio frames and a bidirectional LSTM over words, joined in a support vector machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from heads._audio_text import AudioTextHead
from heads._base import Codes, Matrix
from heads._inputs import Inputs, Layout
from heads._masked import MaskedConvolutions, make_lstm, pool_maximum, pool_mean, run_packed, weigh_equally
from heads._modalities import AUDIO, TEXT, find_frames
from heads._network import NetworkHead
from heads._utterances import UtteranceBatch
from heads.svm import SVMHead

__all__ = ["DCNNBLSTMSVMHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class DCNNBLSTMSVMHead(AudioTextHead):
    """A 1-D CNN over audio frames and a BLSTM over token vectors, joined, and an RBF support vector machine on top.

    Petec and Popoviciu, "Multimodal Speech Emotion Recognition using Decoding-enhanced BERT with Disentangled Attention
    and Wav2Vec2.0", ascribe such a system to Yoon et al. 2018, with 91.2 % of four emotions. Neither the system nor the
    figure is in that paper (`mdre` is what it has) or was found elsewhere, so that all sizes here are our own.

    Audio frames pass the convolutions, and each channel's mean and maximum over time are kept. Words pass the BLSTM,
    and the last state of each direction is kept. A linear layer with ReLU joins them. The network is trained with a
    softmax layer, and then `svm` is fitted on the joined vectors of all rows, with their probabilities calibrated as
    there. These vectors were learned from the same rows, so that its probabilities are too certain. Until
    training has ended, as at the end of an epoch, the softmax layer answers.

    Args:
        channels: of each convolution, at least 1.
        kernel: frames that a convolution sees, an odd number.
        hidden: units of the BLSTM a direction, at least 1.
        dense: units of the layer that joins both, at least 1.
        C: cost of a training error of the support vector machine, above 0.

    Attributes:
        svm_: the fitted support vector machine, or None during training.
    """

    COST: ClassVar[float] = 1800.0
    SOFT_LABELS: ClassVar[bool] = False  # the support vector machine learns classes
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = NetworkHead.SPACE | {"C": (0.1, 1.0, 3.0, 10.0)}

    channels: tuple[int, ...] = (64, 64, 128)
    kernel: int = 5
    hidden: int = 100
    dense: int = 100
    C: float = 3.0

    def save_weights(self, folder: Path) -> None:
        """Write `network.safetensors` and `svm.skops`."""
        assert self.svm_ is not None
        super().save_weights(folder)
        self.svm_.save_weights(folder)

    def load_weights(self, folder: Path) -> None:
        """Read `network.safetensors` and `svm.skops`."""
        super().load_weights(folder)
        svm = self._make_svm()
        svm.classes_, svm.n_features_in_ = self.classes_, self.dense
        svm.load_weights(folder)
        self.svm_: SVMHead | None = svm

    def describe_approximation(self) -> str:
        """Describe what the support vector machine approximates, or return an empty text."""
        return self.svm_.describe_approximation() if self.svm_ else ""

    def _fit(self, X: Inputs, codes: Codes) -> None:
        self.svm_ = None
        super()._fit(X, codes)
        self.svm_ = self._make_svm().fit(self._compute(X, self.network_.join), self.classes_[codes])

    def _predict_proba(self, X: Inputs) -> Matrix:
        if self.svm_ is None:
            return super()._predict_proba(X)
        return self.svm_.predict_proba(self._compute(X, self.network_.join))

    def _make_svm(self) -> SVMHead:
        return SVMHead(C=self.C, class_weight=self.class_weight, random_state=self.random_state)

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(layout, tuple(self.channels), self.kernel, self.hidden, self.dense, classes, self.dropout)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_widths("channels", low=1)
        self._check_counts("hidden", "dense")
        self._check_odd("kernel")
        self._check_number("C", low=0)
        if self.logit_adjustment:  # it would move the softmax layer, and not what answers in the end
            raise ValueError(
                f"logit_adjustment must be 0 for this head, got {self.logit_adjustment!r}: choose class_weight"
            )


class _Network(nn.Module):
    def __init__(
        self,
        layout: Layout,
        channels: tuple[int, ...],
        kernel: int,
        hidden: int,
        dense: int,
        classes: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.audio, self.text = find_frames(layout, AUDIO), find_frames(layout, TEXT)
        widths = [width for _, _, width in layout.frames]
        self.convolutions = nn.ModuleList(
            MaskedConvolutions(widths[number], channels, kernel, dropout) for number in self.audio
        )
        self.lstm = nn.ModuleList(make_lstm(widths[number], hidden) for number in self.text)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(2 * channels[-1] * len(self.audio) + 2 * hidden * len(self.text), dense)
        self.output = nn.Linear(dense, classes)

    def forward(self, batch: UtteranceBatch) -> torch.Tensor:
        outputs: torch.Tensor = self.output(self.dropout(self.join(batch)))
        return outputs

    def join(self, batch: UtteranceBatch) -> torch.Tensor:
        """Compute the vector that the support vector machine sees (B, dense)."""
        vectors = []
        for convolutions, number in zip(self.convolutions, self.audio, strict=True):
            mask = batch.masks[number]
            frames = convolutions(batch.frames[number], mask)
            vectors += [pool_mean(frames, weigh_equally(mask)), pool_maximum(frames, mask)]
        for lstm, number in zip(self.lstm, self.text, strict=True):
            vectors.append(run_packed(lstm, batch.frames[number], batch.masks[number])[1])
        joined: torch.Tensor = self.dense(self.dropout(torch.cat(vectors, dim=1))).relu()
        return joined

"""Convolutions over the frames of an utterance and a bidirectional LSTM, or the LSTM with attention over its states."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._inputs import FRAMES, Layout
from heads._masked import make_lstm, pool_mean, run_packed, weigh
from heads._modalities import AUDIO
from heads._utterances import UtteranceBatch, UtteranceHead

__all__ = ["CNNLSTMHead"]

_CNN, _ATTENTION = "cnn-lstm", "attention-blstm"


@dataclass(kw_only=True, eq=False, repr=False)
class CNNLSTMHead(UtteranceHead):
    """Read the frames of each feature with an LSTM in both directions, and classify the vectors side by side.

    `variant="cnn-lstm"` is the network of Etienne et al. 2018, "CNN+LSTM Architecture for Speech Emotion Recognition
    with Data Augmentation" (arXiv 1802.05630): 4 to 6 convolutions over time and frequency of a spectrogram, a BLSTM,
    the classes. Here are 4 convolutions, and the last state in each direction tells the classes. It reports 61.7 %
    unweighted and 64.5 % weighted accuracy on four emotions of IEMOCAP. It supposes that neighbouring dimensions of a
    frame are related, as in log-mel frames.

    `variant="attention-blstm"` is the network of Tzinis et al. 2018, "Integrating Recurrence Dynamics for Speech
    Emotion Recognition" (arXiv 1811.04133): a BLSTM over functionals of segments, and the mean of its states with
    learned weights. Here it reads whatever frames it is given.

    Both read speech, so that audio is what they need of a store. Frames of no named modality are read as they are.

    Differences: sizes and strides are this head's own, since those of both papers are not known here. Log-mel frames
    take the place of the spectrogram. Left out are vocal-tract-length perturbation, which needs the sound itself, an
    optimizer for each kind of layer, and batch normalization of the LSTM, whose statistics would count padding.
    Maps are masked after every convolution and the LSTM is packed, so that a longer neighbour changes nothing.

    Args:
        variant: "cnn-lstm" or "attention-blstm".
        hidden: units of the LSTM a direction, at least 1.
        layers: of the LSTM, at least 1.
        channels: filters of each convolution (3 frames by 3 dimensions), from the first to the last. Each halves the
            dimensions.
        strides: frames that each convolution moves on by. A clip of T frames leaves a convolution of stride S with
            T / S frames, rounded up.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({FRAMES})
    KIND: ClassVar[str] = "frames"
    COST: ClassVar[float] = 1000.0

    variant: str = _CNN
    hidden: int = 64
    layers: int = 1
    channels: tuple[int, ...] = (16, 32, 32, 32)
    strides: tuple[int, ...] = (2, 2, 1, 1)

    @property
    def modality(self) -> str:
        """Audio."""
        return AUDIO

    def list_modalities(self) -> tuple[str, ...]:
        """List the modalities that the head cannot do without."""
        return (AUDIO,)

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        encoders = [self._build_encoder(width) for _, _, width in layout.frames]
        return _Network(encoders, classes, self.dropout)

    def _build_encoder(self, width: int) -> nn.Module:
        if self.variant == _ATTENTION:
            return _AttentionEncoder(width, self.hidden, self.layers, self.dropout)
        return _ConvolutionEncoder(width, self.channels, self.strides, self.hidden, self.layers, self.dropout)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_choice("variant", (_CNN, _ATTENTION))
        self._check_counts("hidden", "layers")
        for name in ("channels", "strides"):
            self._check_widths(name, low=1)
        if len(self.channels) != len(self.strides):
            raise ValueError(f"channels and strides must be of one length, got {self.channels!r} and {self.strides!r}")


class _Network(nn.Module):
    def __init__(self, encoders: list[nn.Module], classes: int, dropout: float) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(sum(encoder.width for encoder in encoders), classes)

    def forward(self, batch: UtteranceBatch) -> torch.Tensor:
        parts = zip(self.encoders, batch.frames, batch.masks, strict=True)
        vectors = [encoder(frames, mask) for encoder, frames, mask in parts]
        outputs: torch.Tensor = self.output(self.dropout(torch.cat(vectors, dim=1)))
        return outputs


class _ConvolutionEncoder(nn.Module):
    def __init__(
        self,
        width: int,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        hidden: int,
        layers: int,
        dropout: float,
    ) -> None:
        super().__init__()
        convolutions = []
        for before, after, stride in zip((1, *channels), channels, strides, strict=False):
            convolutions.append(nn.Conv2d(before, after, 3, (stride, 2), padding=1))
            width = (width + 1) // 2
        self.convolutions = nn.ModuleList(convolutions)
        self.lstm = make_lstm(width * channels[-1], hidden, layers, dropout)
        self.width = 2 * hidden

    def forward(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        maps = frames[:, None]  # (B, 1, T, D)
        for convolution in self.convolutions:
            mask = mask[:, :: convolution.stride[0]]  # the frames that a filter is centred on
            maps = convolution(maps).relu() * mask[:, None, :, None]
        steps = maps.transpose(1, 2).flatten(2)  # (B, T', channels * D')
        return run_packed(self.lstm, steps, mask)[1]


class _AttentionEncoder(nn.Module):
    def __init__(self, width: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.lstm = make_lstm(width, hidden, layers, dropout)
        self.score = nn.Linear(2 * hidden, 1)
        self.width = 2 * hidden

    def forward(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states, _ = run_packed(self.lstm, frames, mask)  # (B, T, 2 H)
        return pool_mean(states, weigh(self.score(states).squeeze(2), mask))

"""Light one-dimensional convolutional network over a vector of hand-made features."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from heads._inputs import Layout
from heads._utterances import UtteranceBatch, VectorHead

__all__ = ["Conv1dHead"]

_KERNEL = 5  # columns


@dataclass(kw_only=True, eq=False, repr=False)
class Conv1dHead(VectorHead):
    """1-D CNN: convolutions along the columns, each with ReLU and max-pooling by 2, and a linear classifier.

    Bhangale and Kothandaraman 2023, "Speech Emotion Recognition Based on Multiple Acoustic Features and Deep
    Convolutional Neural Network" (Electronics 12(4):839): a light network over one vector of MFCC, LPCC, wavelet
    packet, zero crossings, spectral shape, RMS, pitch, jitter and shimmer of a clip. It reports an accuracy of 93.31 %
    on EmoDB and 94.18 % on RAVDESS. Its abstract does not say that the speakers of the test part were left out of
    training.

    Its layer sizes, optimizer and split are not known here, so that those of this head are its own. The columns of all
    features stand side by side. A convolution supposes that neighbours are related, as they are among the coefficients
    of one kind. The columns of an embedding have no such order.

    Args:
        channels: filters of each convolution, from the first to the last. Each sees 5 neighbours of what is before it.
    """

    COST: ClassVar[float] = 200.0

    channels: tuple[int, ...] = (32, 64, 64)

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(layout.width, self.channels, classes, self.dropout)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_widths("channels", low=1)


class _Network(nn.Module):
    def __init__(self, width: int, channels: tuple[int, ...], classes: int, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((1, *channels), channels, strict=False):
            convolution = nn.Conv1d(before, after, _KERNEL, padding=_KERNEL // 2)
            layers += [convolution, nn.ReLU(), nn.MaxPool1d(2, ceil_mode=True)]
            width = (width + 1) // 2
        self.convolutions = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width * channels[-1], classes)

    def forward(self, batch: UtteranceBatch) -> torch.Tensor:
        columns = torch.cat([block.flatten(1) for block in batch.blocks], dim=1)  # (B, D)
        maps = self.convolutions(columns[:, None])  # (B, channels, D / 2 ** layers)
        outputs: torch.Tensor = self.output(self.dropout(maps.flatten(1)))
        return outputs

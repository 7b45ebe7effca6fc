"""Learned weights over the layers of an encoder, and a linear classifier."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from heads._inputs import Block, Layout
from heads._utterances import UtteranceBatch, VectorHead

__all__ = ["LayersHead"]


@dataclass(kw_only=True, eq=False, repr=False)
class LayersHead(VectorHead):
    """Sum the layers of each feature with learned weights, and classify the sums side by side.

    The weights of a feature's layers are a softmax, so that they are positive and sum to 1, and they start equal.
    A feature of one vector, such as `audio.mean`, is a feature of one layer.

    Yang et al. 2021, "SUPERB: Speech Processing Universal PERformance Benchmark" (s3prl/s3prl, emotion recognition):
    the weighted sum of all frames of each layer, a linear layer of 256, the mean over the frames, a linear layer, Adam
    with a learning rate of 1e-4, 32 utterances a step, 30,000 steps, the one with the highest dev accuracy. The store
    keeps layers as their mean over the frames. Nothing in SUPERB's head is nonlinear before that mean, so that it gives
    the same answer on them. Attention over the frames of each layer would need the frames of each layer.

    Differences: each column of each layer is standardized, so that a weight does not depend on the scale of its layer.
    Two linear layers in a row are one unless `hidden` puts a ReLU between them. The classifier starts at zero, and
    AdamW's steps on the weights of the layers are `layer_speed` times as long, since a few hundred utterances give too
    few steps to find one layer among many otherwise.

    Args:
        hidden: units of a layer with ReLU before the classes, at least 0; 0 for none.
        layer_speed: what the learning rate is multiplied with for the weights of the layers, above 0.

    Attributes:
        layer_weights_: by feature, the weight of each layer (L,), of all its layers from the lowest on. They sum to 1.
    """

    COST: ClassVar[float] = 20.0
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {**VectorHead.SPACE, "hidden": (0, 64, 256)}
    KIND: ClassVar[str] = "layers"

    hidden: int = 0
    layer_speed: float = 10.0
    learning_rate: float = 3e-3
    epochs: int = 100
    patience: int = 20

    @property
    def layer_weights_(self) -> dict[str, NDArray[np.float32]]:
        """Weight of each layer, by feature."""
        weights = (one.detach().cpu().numpy() for one in self.network_.weigh_layers())
        return {block.name: one for block, one in zip(self.layout_.blocks, weights, strict=True)}

    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        return _Network(layout.blocks, self.hidden, classes, self.dropout, self.layer_speed)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_counts("hidden", low=0)
        self._check_number("layer_speed", low=0)


class _Network(nn.Module):
    def __init__(
        self, blocks: tuple[Block, ...], hidden: int, classes: int, dropout: float, layer_speed: float
    ) -> None:
        super().__init__()
        # AdamW's steps do not grow with the gradient, so that a factor behind them makes them longer
        self.layer_speed = layer_speed
        counts = [block.shape[0] if len(block.shape) > 1 else 1 for block in blocks]
        self.scores = nn.ParameterList(nn.Parameter(torch.zeros(count)) for count in counts)
        width = sum(block.width // count for block, count in zip(blocks, counts, strict=True))
        self.hidden = nn.Linear(width, hidden) if hidden else None
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden or width, classes)
        # random weights would push the layers apart by chance, before the classifier knows what it looks for
        nn.init.zeros_(self.output.weight)

    def weigh_layers(self) -> list[torch.Tensor]:
        """Return the weight of each layer (L,) of each block."""
        return [(self.layer_speed * scores).softmax(dim=0) for scores in self.scores]

    def forward(self, batch: UtteranceBatch) -> torch.Tensor:
        sums = [
            (weights[:, None] * block.reshape(len(block), len(weights), -1)).sum(dim=1)  # (B, D)
            for weights, block in zip(self.weigh_layers(), batch.blocks, strict=True)
        ]
        values = torch.cat(sums, dim=1)
        if self.hidden is not None:
            values = self.hidden(values).relu()
        outputs: torch.Tensor = self.output(self.dropout(values))
        return outputs

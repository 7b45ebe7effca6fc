"""Compute what a network is trained to lower: cross entropy, with class weights, focusing and logit adjustment."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


@dataclass(frozen=True)
class OutputLoss:
    """The mean loss of outputs towards classes or distributions. M rows, C classes.

    A class c of probability q costs `weights[c] * (1 - q)^focal_gamma * -ln(q)`: the cross entropy where the exponent
    is 0 (Lin et al. 2017, "Focal Loss for Dense Object Detection"). A row costs this for its class, or the mean over
    its distribution, and the sum over rows is divided by the sum of their weights.

    Args:
        weights: of the classes (C,); None for equal weights.
        focal_gamma: at least 0; the larger, the less rows count that are right already.
        offsets: added to the outputs before the softmax (C,); None for none.
    """

    weights: torch.Tensor | None = None
    focal_gamma: float = 0.0
    offsets: torch.Tensor | None = None

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Compute the loss in nats.

        Args:
            outputs: (M, C), before the softmax.
            targets: class numbers (M,), or distributions (M, C).
        """
        if self.offsets is not None:
            outputs = outputs + self.offsets
        if targets.ndim == 1 and not self.focal_gamma:
            return nn.functional.cross_entropy(outputs, targets, self.weights)
        shares = targets if targets.ndim == 2 else nn.functional.one_hot(targets, outputs.shape[1])
        shares = shares if self.weights is None else shares * self.weights
        logs = outputs.log_softmax(dim=1)
        costs = -logs if not self.focal_gamma else -logs * (1 - logs.exp()).pow(self.focal_gamma)
        return (shares * costs).sum() / shares.sum()


def make_loss(
    weights: NDArray[np.float64] | None,
    focal_gamma: float,
    log_prior: NDArray[np.float64],
    logit_adjustment: float,
    device: torch.device,
) -> OutputLoss:
    """Make the loss of a head's settings.

    Args:
        weights: of the classes (C,), or None.
        focal_gamma: as `OutputLoss` takes it.
        log_prior: logarithm of each class's share of the training rows (C,).
        logit_adjustment: how far the outputs are freed of the prior: 0 not at all, 1 wholly.
        device: of the outputs.
    """

    def move(values: NDArray[np.float64]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    offsets = move(logit_adjustment * log_prior) if logit_adjustment else None
    return OutputLoss(None if weights is None else move(weights), focal_gamma, offsets)

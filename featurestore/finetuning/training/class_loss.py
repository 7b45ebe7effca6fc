"""Compute the cross entropy that training minimizes, with weights for rare classes and smoothed labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn


@dataclass(frozen=True)
class ClassLoss:
    """Cross entropy with class weights and smoothed labels, summed over clips.

    With y the class of a clip, p its probabilities, w the weights of the C classes and s the smoothing, a clip counts
    -(1 - s) w_y ln p_y - s / C * sum over classes c of w_c ln p_c, as in torch.nn.CrossEntropyLoss. A batch has the
    plain mean over its clips: its sum is divided by their number, never by the sum of their weights, so that a batch
    in parts has the gradient of the whole. Balanced weights have a mean of 1 over the training part.

    Args:
        weights: of the C classes; None for 1 each.
        smoothing: share of each label that is spread over all classes, from 0 to less than 1.
    """

    weights: Tensor | None = None
    smoothing: float = 0.0

    def is_plain(self) -> bool:
        """Tell whether this is the cross entropy without weights and smoothing."""
        return self.weights is None and not self.smoothing

    def describe_weights(self, names: Mapping[int, str]) -> str:
        """Return the weight of each class with its name."""
        weights = [] if self.weights is None else self.weights.tolist()
        return ", ".join(f"{names[number]} {weight:.3g}" for number, weight in enumerate(weights))

    def compute_sum(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Compute the sum over clips.

        Args:
            logits: (B, C).
            labels: (B,), the class of each clip.
        """
        weights = None if self.weights is None else self.weights.to(logits)
        return nn.functional.cross_entropy(
            logits, labels, weight=weights, label_smoothing=self.smoothing, reduction="sum"
        )


def make_class_loss(class_weights: str, smoothing: float, targets: Sequence[int], classes: int) -> ClassLoss:
    """Make the loss of a training part.

    Args:
        class_weights: `none` or `balanced`.
        smoothing: share of each label that is spread over all classes.
        targets: the class of each training utterance.
        classes: number of classes C.
    """
    return ClassLoss(_balance(targets, classes) if class_weights == "balanced" else None, smoothing)


def _balance(targets: Sequence[int], classes: int) -> Tensor:
    """Compute n / (C n_c) of each class, by the classes that occur. A class without training utterances has 1."""
    present = np.unique(targets)
    weights = torch.ones(classes)
    found = compute_class_weight("balanced", classes=present, y=np.asarray(targets))
    weights[torch.from_numpy(present)] = torch.from_numpy(found).float()
    return weights

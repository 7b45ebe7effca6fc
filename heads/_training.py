"""Train a network: cross entropy, AdamW, and the epoch with the lowest loss on a part kept aside for that."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

Batches = Iterable[Any]


@dataclass(frozen=True)
class Course:
    """The settings of a training, as `NetworkHead` documents them; `class_weights` (C,) of the loss, or None."""

    epochs: int
    patience: int
    learning_rate: float
    weight_decay: float
    max_grad_norm: float
    class_weights: torch.Tensor | None


def train(
    network: nn.Module,
    course: Course,
    codes: torch.Tensor,
    *,
    batches: Callable[[np.random.Generator], Batches],
    validation: Callable[[], Batches],
    after_epoch: Callable[[dict[str, float]], None],
    seed: int,
) -> int:
    """Train a network in place, and return the epoch whose weights it has now, counted from 1.

    Args:
        network: maps a batch to outputs (M, C) of its `rows`.
        course: the settings.
        codes: class number of each row (R,); -1 for a row without a class, which is not trained towards.
        batches: draws the batches of an epoch.
        validation: makes the batches that choose the epoch; none if the last epoch is kept.
        after_epoch: receives the epoch's `epoch`, `loss`, `accuracy` and, where there is one, `validation_loss`.
        seed: of the order of the batches.
    """
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=course.learning_rate, weight_decay=course.weight_decay)
    best, kept, weights = np.inf, course.epochs, None
    for epoch in range(1, course.epochs + 1):
        line = {"epoch": epoch, **_run_epoch(network, course, codes, batches(random), optimizer)}
        loss = _measure_loss(network, course, codes, validation())
        after_epoch(line if loss is None else line | {"validation_loss": loss})
        if loss is None:
            continue
        if loss < best:
            best, kept, weights = loss, epoch, copy.deepcopy(network.state_dict())
        elif epoch - kept >= course.patience and weights:
            break
    if weights:
        network.load_state_dict(weights)
    return kept


def _run_epoch(
    network: nn.Module, course: Course, codes: torch.Tensor, batches: Batches, optimizer: torch.optim.Optimizer
) -> dict[str, float]:
    network.train()
    total, right, count = 0.0, 0, 0
    for batch in batches:
        loss, outputs, targets = _compute_loss(network, course, codes, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), course.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        total += loss.item() * len(targets)
        right += int((outputs.argmax(dim=1) == targets).sum())
        count += len(targets)
    return {"loss": total / count, "accuracy": right / count}


def _measure_loss(network: nn.Module, course: Course, codes: torch.Tensor, batches: Batches) -> float | None:
    """Compute the mean loss over the rows that have a class, or None if there are none."""
    network.eval()
    total, count = 0.0, 0
    with torch.inference_mode():
        for batch in batches:
            loss, _, targets = _compute_loss(network, course, codes, batch)
            total += loss.item() * len(targets)
            count += len(targets)
    return total / count if count else None


def _compute_loss(
    network: nn.Module, course: Course, codes: torch.Tensor, batch: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the mean loss over the rows of a batch that have a class, their outputs (K, C) and class numbers (K,)."""
    targets = codes[batch.rows]
    known = targets >= 0
    outputs, targets = network(batch)[known], targets[known]
    return nn.functional.cross_entropy(outputs, targets, course.class_weights), outputs, targets

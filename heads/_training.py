"""Train a network: its loss, AdamW, and the epoch with the best recall on a part kept aside for that."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from heads._loss import OutputLoss

Batches = Iterable[Any]


@dataclass(frozen=True)
class Course:
    """The settings of a training, as `NetworkHead` documents them."""

    epochs: int
    patience: int
    learning_rate: float
    weight_decay: float
    max_grad_norm: float
    loss: OutputLoss


@dataclass(frozen=True)
class Targets:
    """What the rows are trained towards. R rows, C classes.

    Args:
        codes: class number of each row (R,); -1 for a row without a class, which is not trained towards.
        distributions: (R, C) to learn in place of the classes, or None.
    """

    codes: torch.Tensor
    distributions: torch.Tensor | None = None

    def select(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the targets of some rows (M,) for the loss: class numbers (M,), or distributions (M, C)."""
        return self.codes[rows] if self.distributions is None else self.distributions[rows]


def train(
    network: nn.Module,
    course: Course,
    targets: Targets,
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
        targets: of the rows.
        batches: draws the batches of an epoch.
        validation: makes the batches that choose the epoch; none if the last epoch is kept.
        after_epoch: receives the epoch's `epoch`, `loss`, `accuracy` and, where there is a part that chooses,
            `validation_loss` and `validation_recall`.
        seed: of the order of the batches.
    """
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=course.learning_rate, weight_decay=course.weight_decay)
    best, kept, weights = (-1.0, 0.0), course.epochs, None
    for epoch in range(1, course.epochs + 1):
        line = {"epoch": epoch, **_run_epoch(network, course, targets, batches(random), optimizer)}
        found = _validate(network, course, targets, validation())
        after_epoch(line | ({"validation_loss": found.loss, "validation_recall": found.recall} if found else {}))
        if found is None:
            continue
        if (found.recall, -found.loss) > best:
            best, kept, weights = (found.recall, -found.loss), epoch, copy.deepcopy(network.state_dict())
        elif epoch - kept >= course.patience and weights:
            break
    if weights:
        network.load_state_dict(weights)
    return kept


def _run_epoch(
    network: nn.Module, course: Course, targets: Targets, batches: Batches, optimizer: torch.optim.Optimizer
) -> dict[str, float]:
    network.train()
    total, right, count = 0.0, 0, 0
    for batch in batches:
        codes = targets.codes[batch.rows]
        known = codes >= 0
        outputs, codes = network(batch)[known], codes[known]
        loss = course.loss(outputs, targets.select(batch.rows)[known])
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), course.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        total += loss.item() * len(codes)
        right += int((outputs.argmax(dim=1) == codes).sum())
        count += len(codes)
    return {"loss": total / count, "accuracy": right / count}


@dataclass(frozen=True)
class _Validation:
    """The mean loss and the unweighted average recall on a part."""

    loss: float
    recall: float


def _validate(network: nn.Module, course: Course, targets: Targets, batches: Batches) -> _Validation | None:
    """Measure the rows that have a class, or return None if there are none."""
    network.eval()
    with torch.inference_mode():
        pairs = [(network(batch), batch.rows) for batch in batches]
        if not pairs:
            return None
        outputs, rows = map(torch.cat, zip(*pairs, strict=True))
        codes = targets.codes[rows]
        known = codes >= 0
        outputs, codes = outputs[known], codes[known]
        loss = course.loss(outputs, targets.select(rows)[known])
        right = outputs.argmax(dim=1) == codes
        recalls = [right[codes == one].float().mean() for one in codes.unique()]
    return _Validation(float(loss), float(torch.stack(recalls).mean()))

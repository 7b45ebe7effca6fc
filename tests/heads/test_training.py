from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from heads._loss import OutputLoss
from heads._training import Course, Targets, train

CODES = torch.tensor([0, -1, 1, -1, 1])  # -1: no class
WEIGHTS = torch.tensor([1.0, 3.0])
COURSE = Course(
    epochs=6, patience=2, learning_rate=0.1, weight_decay=0.0, max_grad_norm=5.0, loss=OutputLoss(weights=WEIGHTS)
)


class FreeOutputs(nn.Module):
    """A network whose outputs are weights of their own for each row."""

    def __init__(self):
        super().__init__()
        self.outputs = nn.Parameter(torch.zeros(len(CODES), 2))

    def forward(self, batch):
        return self.outputs[batch.rows]


def run(network, *, validation=()):
    """Train on all rows in one batch, and return the epoch that is kept and the history."""
    history = []
    epoch = train(
        network,
        COURSE,
        Targets(CODES),
        batches=lambda random: [SimpleNamespace(rows=torch.from_numpy(random.permutation(len(CODES))))],
        validation=lambda: [SimpleNamespace(rows=torch.tensor(rows)) for rows in validation],
        after_epoch=history.append,
        seed=0,
    )
    return epoch, history


def test_rows_without_a_class_are_not_trained_towards():
    network = FreeOutputs()
    _, history = run(network)
    moved = network.outputs.detach().abs().sum(dim=1) > 0
    assert moved.tolist() == (CODES >= 0).tolist()
    assert history[0]["loss"] == float(np.float32(np.log(2)))  # of three rows at even odds
    assert history[0]["accuracy"] == 1 / 3  # the first class is the answer to all of them
    assert history[-1]["accuracy"] == 1


def test_without_a_part_kept_aside_the_last_epoch_is_kept():
    epoch, history = run(FreeOutputs())
    assert epoch == len(history) == 6
    assert "validation_loss" not in history[0]


def test_the_epoch_is_chosen_on_the_rows_kept_aside_that_have_a_class():
    """Only row 2 of them has one, and it is learned better in every epoch."""
    network = FreeOutputs()
    epoch, history = run(network, validation=[[1, 2]])
    losses = [line["validation_loss"] for line in history]
    assert epoch == 6
    assert losses == sorted(losses, reverse=True)
    expected = nn.functional.cross_entropy(network.outputs.detach()[2:3], CODES[2:3], WEIGHTS)
    assert losses[-1] == float(expected)


def test_training_ends_where_the_loss_aside_stays_and_returns_to_the_best_epoch():
    network = FreeOutputs()
    best = []

    class Worse(FreeOutputs):
        """Its answers get worse on what is kept aside, whatever it learns."""

        def forward(self, batch):
            outputs = super().forward(batch)
            if not self.training:
                best.append(self.outputs.detach().clone())
                return -outputs
            return outputs

    network = Worse()
    epoch, history = run(network, validation=[[0]])
    assert (epoch, len(history)) == (1, 1 + COURSE.patience)
    assert torch.equal(network.outputs.detach(), best[0])

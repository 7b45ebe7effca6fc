"""Turn a trainer's log and its predictions into one line of figures for every epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix
from transformers.trainer_utils import EvalPrediction

POINTS = 10  # of an epoch's curves that are kept


def history(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The trainer's log, with a line for every step, as one line for every epoch."""
    epochs: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for line in log:
        if "loss" in line:
            steps.append(line)
        if "loss" in line and float(line["epoch"]).is_integer():
            epochs.append(_epoch(steps))
            steps = []
        if "eval_accuracy" in line:
            measured = ("accuracy", "unweighted_average_recall", "confusion")
            epochs[-1] |= {"held_out_loss": line["eval_loss"]} | {name: line[f"eval_{name}"] for name in measured}
    return epochs


def _epoch(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """One epoch's training from the lines of its steps."""
    figures = {name: [float(step[name]) for step in steps] for name in ("loss", "accuracy")}
    return {
        "epoch": int(steps[-1]["epoch"]),
        "loss": float(np.mean(figures["loss"])),
        "training_accuracy": float(np.mean(figures["accuracy"])),
        "steps": {name: thinned(values) for name, values in figures.items()},
    }


def thinned(values: Sequence[float], points: int = POINTS) -> list[float]:
    """Means of at most so many runs of neighbours, as equal in length as can be.

    >>> thinned([1.0, 2.0, 3.0, 4.0], points=2)
    [1.5, 3.5]
    """
    return [round(float(np.mean(run)), 5) for run in np.array_split(values, min(points, len(values)))]


def scores(prediction: EvalPrediction) -> dict[str, float]:
    """Accuracy and unweighted average recall (mean recall of the classes that occur), each 0 to 1."""
    guessed, truth = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)  # (N,) each
    recalls = [float(np.mean(guessed[truth == target] == target)) for target in np.unique(truth)]
    return {"accuracy": float(np.mean(guessed == truth)), "unweighted_average_recall": float(np.mean(recalls))}


def confusion(prediction: EvalPrediction, classes: int) -> list[list[int]]:
    """How often each class (row) was taken for each (column)."""
    table: list[list[int]] = confusion_matrix(
        prediction.label_ids, prediction.predictions, labels=list(range(classes))
    ).tolist()
    return table

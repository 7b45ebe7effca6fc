"""Summarize a trainer's log and its predictions as one entry per epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, recall_score
from transformers.trainer_utils import EvalPrediction

POINTS = 10  # kept of an epoch's curves


def summarize_log(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Summarize the trainer's log, with an entry for every step, as one entry per epoch."""
    epochs: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for entry in log:
        if "loss" in entry:
            steps.append(entry)
        if "loss" in entry and float(entry["epoch"]).is_integer():
            epochs.append(_summarize_epoch(steps))
            steps = []
        if "eval_accuracy" in entry:
            measured = ("accuracy", "unweighted_average_recall", "confusion")
            epochs[-1] |= {"held_out_loss": entry["eval_loss"]} | {name: entry[f"eval_{name}"] for name in measured}
    return epochs


def _summarize_epoch(steps: list[dict[str, Any]]) -> dict[str, Any]:
    names = [name for name in ("loss", "ctc_loss", "accuracy") if name in steps[0]]
    figures = {name: [float(step[name]) for step in steps] for name in names}
    return {
        "epoch": int(steps[-1]["epoch"]),
        **{name: float(np.mean(figures[name])) for name in names if name != "accuracy"},
        "training_accuracy": float(np.mean(figures["accuracy"])),
        "steps": {name: average_runs(values) for name, values in figures.items()},
    }


def average_runs(values: Sequence[float], points: int = POINTS) -> list[float]:
    """Cut values into at most `points` runs of equal length as far as possible, and average each.

    >>> average_runs([1.0, 2.0, 3.0, 4.0], points=2)
    [1.5, 3.5]
    """
    return [round(float(np.mean(run)), 5) for run in np.array_split(values, min(points, len(values)))]


def score(prediction: EvalPrediction) -> dict[str, float]:
    """Compute accuracy and unweighted average recall (mean recall of the classes that occur), each 0 to 1."""
    guessed, truth = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)  # (N,) each
    recall = recall_score(truth, guessed, labels=np.unique(truth), average="macro")
    return {"accuracy": float(np.mean(guessed == truth)), "unweighted_average_recall": float(recall)}


def count_confusions(prediction: EvalPrediction, classes: int) -> list[list[int]]:
    """Count how often each true class (row) was predicted as each class (column)."""
    table: list[list[int]] = confusion_matrix(
        prediction.label_ids, prediction.predictions, labels=list(range(classes))
    ).tolist()
    return table

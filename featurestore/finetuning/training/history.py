"""Summarize a trainer's log and its predictions as one entry per epoch."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, recall_score
from transformers.trainer_utils import EvalPrediction

POINTS = 10  # kept of an epoch's curves
MEASURED = ("accuracy", "unweighted_average_recall", "confusion")
_WEIGHTS = {"loss": "clips", "ctc_loss": "transcripts", "accuracy": "clips"}  # what a step's mean is over, by name


def summarize_log(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Summarize the trainer's log, with an entry for every step, as one entry per epoch.

    Means over an epoch weigh each step by its clips, and that of the CTC loss by its transcripts.
    """
    epochs: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for entry in log:
        if "loss" in entry:
            steps.append(entry)
        if "loss" in entry and float(entry["epoch"]).is_integer():
            epochs.append(_summarize_epoch(steps))
            steps = []
        if "eval_accuracy" in entry:
            epochs[-1] |= {"held_out_loss": entry["eval_loss"]} | {name: entry[f"eval_{name}"] for name in MEASURED}
    return epochs


def choose_epoch(history: Sequence[Mapping[str, Any]], select: str) -> int:
    """Choose the epoch whose weights are kept.

    Args:
        history: entries of `summarize_log`, with scores on dev unless the last epoch is kept.
        select: `best-dev` for the highest unweighted average recall on dev, ties to the lower dev loss and then to the
            earlier epoch; `last` for the last one.
    """
    chosen = history[-1] if select == "last" else find_best(history)
    return int(chosen["epoch"])


def find_best(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Find the entry with the best score on dev."""
    return max(history, key=_rank)


def is_stopped(history: Sequence[Mapping[str, Any]], patience: int) -> bool:
    """Tell whether so many epochs have passed without a better score on dev. A patience of 0 never ends."""
    return bool(history) and 0 < patience <= history[-1]["epoch"] - find_best(history)["epoch"]


def _rank(entry: Mapping[str, Any]) -> tuple[float, float, int]:
    loss = entry["held_out_loss"]
    return entry["unweighted_average_recall"], -loss if math.isfinite(loss) else -math.inf, -entry["epoch"]


def _summarize_epoch(steps: list[dict[str, Any]]) -> dict[str, Any]:
    names = [name for name in _WEIGHTS if name in steps[0]]
    figures = {name: [float(step[name]) for step in steps] for name in names}
    # logs of older versions have no counts
    weights = {name: [float(step.get(_WEIGHTS[name], 1)) for step in steps] for name in names}
    means = {name: _average(figures[name], weights[name]) for name in names}
    return {
        "epoch": int(steps[-1]["epoch"]),
        **{name: mean for name, mean in means.items() if name != "accuracy"},
        "training_accuracy": means["accuracy"],
        "steps": {name: average_runs(figures[name], weights[name]) for name in names},
    }


def average_runs(values: Sequence[float], weights: Sequence[float], points: int = POINTS) -> list[float]:
    """Cut values into at most `points` runs of equal length as far as possible, and average each by weights.

    >>> average_runs([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 3], points=2)
    [1.5, 3.75]
    """
    runs = (np.array_split(numbers, min(points, len(values))) for numbers in (values, weights))
    return [round(_average(run, weight), 5) for run, weight in zip(*runs, strict=True)]


def _average(values: Any, weights: Any) -> float:
    """Average values by weights, or return 0 where all weights are 0."""
    return float(np.average(values, weights=weights)) if np.any(weights) else 0.0


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

"""Whether a head's probabilities can be believed: reliability by bin, accuracy against coverage."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.grid.results import System
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.metrics import BINS

_COVERAGE = 20  # points of the curve: every 5 % of the utterances


def calibration(system: System) -> dict[str, Any]:
    """Reliability and selective accuracy of a system.

    Returns:
        `bins`: of each of the 15 bins of confidence that is not empty its ends `low` and `high`, `n` (all seeds
            together), mean `confidence` and `accuracy` (the reliability diagram of DeGroot and Fienberg 1983, "The
            Comparison and Evaluation of Forecasters").
        `selective`: `accuracy` on the share `coverage` of utterances that the head is surest of, the mean over seeds
            (El-Yaniv and Wiener 2010, "On the Foundations of Noise-free Selective Classification"). Utterances of
            equal confidence count with the mean of their answers, so that their order decides nothing.
    """
    confidence, right = (np.array(values) for values in zip(*map(_sure, system.pooled), strict=True))  # (S, N) each
    return {"bins": _bins(confidence.ravel(), right.ravel()), "selective": _selective(confidence, right)}


def _sure(answers: Answers) -> tuple[np.ndarray, np.ndarray]:
    """The highest probability of each utterance, and whether it was the true class's."""
    probabilities = np.asarray(answers.probabilities)
    best = np.array(answers.classes)[probabilities.argmax(1)]
    return probabilities.max(1), (best == np.array(answers.truth)).astype(float)


def _bins(confidence: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    column = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return [
        {
            "low": number / BINS,
            "high": (number + 1) / BINS,
            "n": int(inside.sum()),
            "confidence": float(confidence[inside].mean()),
            "accuracy": float(right[inside].mean()),
        }
        for number in range(BINS)
        if (inside := column == number).any()
    ]


def _selective(confidence: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    curves = [_running(*one) for one in zip(confidence, right, strict=True)]
    n = confidence.shape[1]
    taken = np.unique(np.ceil(np.arange(1, _COVERAGE + 1) * n / _COVERAGE).astype(int))
    accuracy = np.mean(curves, axis=0)[taken - 1]
    return [{"coverage": float(k / n), "accuracy": float(one)} for k, one in zip(taken, accuracy, strict=True)]


def _running(confidence: Sequence[float], right: np.ndarray) -> np.ndarray:
    """Accuracy on the surest 1, 2, … N utterances."""
    _, level, count = np.unique(-np.asarray(confidence), return_inverse=True, return_counts=True)
    expected = np.bincount(level, right) / count  # of each level of confidence, the surest first
    return np.asarray(np.cumsum(np.repeat(expected, count)) / np.arange(1, len(right) + 1))

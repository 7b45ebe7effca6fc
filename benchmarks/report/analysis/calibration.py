"""Measure how well probabilities are calibrated: reliability by bin, and accuracy against coverage."""

from collections.abc import Sequence

import numpy as np

from benchmarks.grid.system import System
from benchmarks.report.analysis.section_types import BinContent, CalibrationContent, CoverageContent
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.metrics import BINS, bin_numbers, rate_confidences

_COVERAGES = 20  # points of the curve: every 5 % of the utterances


def measure_calibration(system: System) -> CalibrationContent:
    """Return the reliability diagram and the selective accuracy of a system.

    Returns:
        `bins`: each of the 15 bins of confidence that is not empty, all seeds together (the reliability diagram of
            DeGroot and Fienberg 1983, "The Comparison and Evaluation of Forecasters").
        `selective`: `accuracy` on the share `coverage` of utterances with the highest confidence, the mean over seeds
            (El-Yaniv and Wiener 2010, "On the Foundations of Noise-free Selective Classification"). Utterances of
            equal confidence count with the mean of their answers, so that their order does not matter.
    """
    confidence, right = (np.array(values) for values in zip(*map(_confidence, system.pooled), strict=True))  # (S, N)
    return {"bins": _bins(confidence.ravel(), right.ravel()), "selective": _selective(confidence, right)}


def _confidence(answers: Answers) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest probability of each utterance (N,), and 1 where its class is the true one (N,)."""
    confidence, right, _ = rate_confidences(answers.codes[0], np.asarray(answers.probabilities))
    return confidence, right


def _bins(confidence: np.ndarray, right: np.ndarray) -> list[BinContent]:
    numbers = bin_numbers(confidence)
    return [
        {
            "low": number / BINS,
            "high": (number + 1) / BINS,
            "n": int(inside.sum()),
            "confidence": float(confidence[inside].mean()),
            "accuracy": float(right[inside].mean()),
        }
        for number in range(BINS)
        if (inside := numbers == number).any()
    ]


def _selective(confidence: np.ndarray, right: np.ndarray) -> list[CoverageContent]:
    curves = [_cumulative_accuracy(*one) for one in zip(confidence, right, strict=True)]
    n = confidence.shape[1]
    counts = np.unique(np.ceil(np.arange(1, _COVERAGES + 1) * n / _COVERAGES).astype(int))
    accuracy = np.mean(curves, axis=0)[counts - 1]
    return [{"coverage": float(k / n), "accuracy": float(one)} for k, one in zip(counts, accuracy, strict=True)]


def _cumulative_accuracy(confidence: Sequence[float], right: np.ndarray) -> np.ndarray:
    """Return the accuracy on the 1, 2, … N utterances with the highest confidence (N,)."""
    _, level, count = np.unique(-np.asarray(confidence), return_inverse=True, return_counts=True)
    expected = np.bincount(level, right) / count  # of each level of confidence, the highest first
    return np.asarray(np.cumsum(np.repeat(expected, count)) / np.arange(1, len(right) + 1))

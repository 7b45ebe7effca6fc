"""Score predictions one utterance at a time, and check what is scored; metrics go by their full names."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from benchmarks.statistics.coded_labels import Codes, encode_labels, list_distinct_labels
from featurestore.errors import UnknownName

Labels = Sequence[str]
Probabilities = NDArray[np.floating[Any]]  # (N, C), rows sum to 1
METRIC = "unweighted_average_recall"  # systems are ranked and compared by it, unless another is chosen
PROBABILITY_METRICS = ("log_loss", "brier_score", "expected_calibration_error")
BINS = 15  # of the expected calibration error, as in Guo et al. 2017
SMALLEST = float(np.finfo(np.float64).eps)  # a true class of probability 0 costs -log(2.2e-16) = 36 nats, not infinity


def unweighted_average_recall(truth: Labels, prediction: Labels) -> float:
    """Return the mean recall of the classes that occur in truth, in 0..1.

    Also called UAR, or unweighted accuracy (UA). Chance is 1 / number of classes (Schuller, Steidl and Batliner 2009,
    "The INTERSPEECH 2009 Emotion Challenge").

    Raises:
        ValueError: there is nothing to measure, or the lengths differ.

    >>> unweighted_average_recall(["sad", "sad", "sad", "happy"], ["sad", "sad", "sad", "sad"])
    0.5
    """
    check_lengths(truth, prediction)
    labels = sorted(set(truth))
    return float(recall_score(list(truth), list(prediction), labels=labels, average="macro", zero_division=0))


def log_losses(codes: Codes, probabilities: Probabilities) -> NDArray[np.float64]:
    """Return -ln(probability of the true class) of each utterance, in nats (N,).

    The log loss is their mean: 0 is certain and right, ln(C) is no information (Good 1952, "Rational Decisions"). A
    probability below 2.2e-16 counts as 2.2e-16, so that one utterance costs at most 36 nats.

    Args:
        codes: (N,) index of the true class.
        probabilities: (N, C).
    """
    true = probabilities[np.arange(len(codes)), codes].astype(np.float64)
    return np.asarray(-np.log(np.maximum(true, SMALLEST)))


def brier_scores(codes: Codes, probabilities: Probabilities) -> NDArray[np.float64]:
    """Return the squared error of each utterance's probabilities, summed over classes, in 0..2 (N,).

    The Brier score is their mean (Brier 1950, "Verification of Forecasts Expressed in Terms of Probability").

    Args:
        codes: (N,) index of the true class.
        probabilities: (N, C).
    """
    target = np.eye(probabilities.shape[1])[codes]
    return np.asarray(((probabilities - target) ** 2).sum(1))


def rate_confidences(
    codes: Codes, probabilities: Probabilities
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Return the confidence of each utterance, 1 where its prediction is right, and its bin: (N,) each.

    The expected calibration error sums |confidence - right| over the bins, divided by N: share of the bin x |accuracy
    - mean confidence|, in 0..1 (Guo et al. 2017, "On Calibration of Modern Neural Networks"). Confidence is the highest
    probability of an utterance. Bin b holds confidences in ((b - 1) / 15, b / 15]. The metric is biased upward in small
    samples, since random gaps do not cancel (Roelofs et al. 2022, "Mitigating Bias in Calibration Error Estimation").

    Args:
        codes: (N,) index of the true class.
        probabilities: (N, C).
    """
    best = probabilities.argmax(1)
    confidence = probabilities[np.arange(len(codes)), best].astype(np.float64)
    return confidence, (best == codes).astype(np.float64), bin_numbers(confidence)


def bin_numbers(confidence: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Return the bin of each confidence, counted from 0.

    >>> bin_numbers(np.array([0.01, 1 / 15, 0.5, 1.0])).tolist()
    [0, 0, 7, 14]
    """
    return np.asarray(np.clip(np.ceil(confidence * BINS).astype(np.intp) - 1, 0, BINS - 1))


def align_columns(probabilities: Probabilities, own: Labels, classes: Labels) -> Probabilities:
    """Return probabilities (N, K) of a head's own classes with a column for each class (N, C).

    A class that the head does not know has probability 0.
    """
    if list(own) == list(classes):
        return probabilities
    found = np.zeros((len(probabilities), len(classes)))
    found[:, [list(classes).index(name) for name in own]] = probabilities
    return found


def upper_limit(metric: str) -> float:
    """Return the greatest possible value of a metric. The least is always 0.

    >>> upper_limit("accuracy"), upper_limit("brier_score"), round(upper_limit("log_loss"), 1)
    (1.0, 2.0, 36.0)
    """
    if metric.endswith("brier_score"):
        return 2.0
    return -math.log(SMALLEST) if metric.endswith("log_loss") or metric == "kl_divergence" else 1.0


def check_lengths(truth: Labels, prediction: Labels) -> None:
    """Check that there are labels, and as many predictions.

    Raises:
        ValueError: there is nothing to measure, or the lengths differ.
    """
    if len(truth) == 0 or len(truth) != len(prediction):
        raise ValueError(f"nothing to measure: {len(truth)} utterances, {len(prediction)} predictions")


def encode_truth(truth: Labels, probabilities: Probabilities, classes: Labels) -> Codes:
    """Return the index of each utterance's true class (N,), after checking the probabilities.

    Raises:
        ValueError: there is nothing to measure, shapes differ, or rows are not probabilities.
        UnknownName: a true class is not among `classes`.
    """
    if len(truth) == 0 or np.shape(probabilities) != (len(truth), len(classes)):
        raise ValueError(
            f"nothing to measure: {len(truth)} utterances of {len(classes)} classes, probabilities of shape "
            f"{np.shape(probabilities)}"
        )
    positive = np.isfinite(probabilities).all() and (probabilities >= 0).all()
    if not positive or np.abs(probabilities.sum(1) - 1).max() > 1e-3:
        raise ValueError("probabilities must be at least 0 and sum to 1 in each row")
    check_classes(truth, classes)
    return encode_labels(truth, classes)


def check_classes(labels: Labels, classes: Labels) -> None:
    """Check that every label is a known class.

    Raises:
        UnknownName: a label is not among `classes`.
    """
    unknown = sorted(list_distinct_labels(labels) - set(classes))
    if unknown:
        raise UnknownName(f"unknown class {', '.join(map(repr, unknown))}", expected=", ".join(classes))

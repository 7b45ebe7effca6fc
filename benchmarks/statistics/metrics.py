"""Metrics by their full names: of predicted classes, by scikit-learn, and of probabilities."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support, recall_score

from featurestore.errors import UnknownName

Labels = Sequence[str]
Probabilities = NDArray[np.floating[Any]]  # (N, C), rows sum to 1
BINS = 15  # of the expected calibration error, as many as its source takes
_LEAST = float(np.finfo(np.float64).eps)  # a true class of probability 0 costs -log(2.2e-16) = 36 nats, not infinity


def accuracy(truth: Labels, prediction: Labels) -> float:
    """Share of utterances whose class is right: number right / number of utterances, in 0..1.

    Also called weighted accuracy (WA) in speech emotion recognition, since it weights each class by its size
    (Schuller, Steidl and Batliner 2009, "The INTERSPEECH 2009 Emotion Challenge"). A class without true utterances
    changes nothing.

    Raises:
        ValueError: nothing to measure, or as many predictions as utterances are not there.

    >>> accuracy(["sad", "sad", "sad", "happy"], ["sad", "sad", "sad", "sad"])
    0.75
    """
    return float(accuracy_score(*check(truth, prediction)))


def unweighted_average_recall(truth: Labels, prediction: Labels) -> float:
    """Mean over the classes of (number right in the class / number of utterances of the class), in 0..1.

    Also called UAR, or unweighted accuracy (UA); chance is 1 / number of classes (Schuller, Steidl and Batliner 2009,
    "The INTERSPEECH 2009 Emotion Challenge"). A class without true utterances has no recall and is left out of the
    mean.

    Raises:
        ValueError: nothing to measure, or as many predictions as utterances are not there.

    >>> unweighted_average_recall(["sad", "sad", "sad", "happy"], ["sad", "sad", "sad", "sad"])
    0.5
    """
    truth, prediction = check(truth, prediction)
    present = sorted(set(truth))
    return float(recall_score(truth, prediction, labels=present, average="macro", zero_division=0))


def macro_f1(truth: Labels, prediction: Labels) -> float:
    """Mean over the classes of 2 TP / (2 TP + FP + FN), in 0..1.

    The mean of F1 scores, not the F1 score of means (Opitz and Burst 2019, "Macro F1 and Macro F1"). A class without
    true utterances is left out of the mean, as from `unweighted_average_recall`, so that the two are of the same
    classes; an utterance that was taken for it is missing in the recall of its own class. scikit-learn's
    `f1_score(average="macro")` counts such a class as 0 unless `labels` leaves it out.

    Raises:
        ValueError: nothing to measure, or as many predictions as utterances are not there.

    >>> round(macro_f1(["sad", "sad", "sad", "happy"], ["sad", "sad", "sad", "sad"]), 4)
    0.4286
    """
    truth, prediction = check(truth, prediction)
    return float(f1_score(truth, prediction, labels=sorted(set(truth)), average="macro", zero_division=0))


def weighted_f1(truth: Labels, prediction: Labels) -> float:
    """Mean over the classes of 2 TP / (2 TP + FP + FN), each class weighted by its true utterances, in 0..1.

    The figure of most papers on emotion in conversations (Majumder et al. 2019, "DialogueRNN"). A class without true
    utterances has no weight.

    Raises:
        ValueError: nothing to measure, or as many predictions as utterances are not there.

    >>> round(weighted_f1(["sad", "sad", "sad", "happy"], ["sad", "sad", "sad", "sad"]), 4)
    0.6429
    """
    return float(f1_score(*check(truth, prediction), average="weighted", zero_division=0))


def per_class(truth: Labels, prediction: Labels, classes: Labels) -> dict[str, dict[str, float]]:
    """Of each class precision TP / (TP + FP), recall TP / (TP + FN), F1 2 TP / (2 TP + FP + FN), all in 0..1, and n.

    Where nothing is below the line the figure is 0; `n` is the number of true utterances (van Rijsbergen 1979,
    "Information Retrieval", chapter 7).

    Raises:
        ValueError: nothing to measure, or as many predictions as utterances are not there.

    >>> per_class(["sad", "happy"], ["sad", "sad"], ["happy", "sad"])["sad"]
    {'precision': 0.5, 'recall': 1.0, 'f1': 0.6666666666666666, 'n': 1}
    """
    figures = precision_recall_fscore_support(*check(truth, prediction), labels=list(classes), zero_division=0)
    names = ("precision", "recall", "f1", "n")
    return {
        name: dict(zip(names, (*map(float, row[:3]), int(row[3])), strict=True))
        for name, row in zip(classes, np.transpose(figures), strict=True)
    }


def log_loss(truth: Labels, probabilities: Probabilities, classes: Labels) -> float:
    """Mean of -ln(probability of the true class) in nats: 0 is certain and right, ln(C) says nothing (Good 1952,
    "Rational Decisions").

    A probability below 2.2e-16 counts as 2.2e-16, so that one utterance costs 36 nats at most.

    Raises:
        ValueError: nothing to measure, shapes that differ, or rows that are not probabilities.
        UnknownName: a true class that is not among `classes`.

    >>> round(log_loss(["sad", "happy"], np.array([[0.5, 0.5], [0.5, 0.5]]), ["happy", "sad"]), 4)
    0.6931
    """
    return float(log_losses(*coded(truth, probabilities, classes)).mean())


def brier_score(truth: Labels, probabilities: Probabilities, classes: Labels) -> float:
    """Mean over utterances of the sum over classes of (probability - 1 if true else 0) squared, in 0..2 (Brier 1950,
    "Verification of Forecasts Expressed in Terms of Probability").

    Raises:
        ValueError: nothing to measure, shapes that differ, or rows that are not probabilities.
        UnknownName: a true class that is not among `classes`.

    >>> brier_score(["sad", "happy"], np.array([[0.5, 0.5], [0.5, 0.5]]), ["happy", "sad"])
    0.5
    """
    return float(brier_scores(*coded(truth, probabilities, classes)).mean())


def expected_calibration_error(truth: Labels, probabilities: Probabilities, classes: Labels) -> float:
    """Sum over 15 equal bins of confidence of share x |accuracy - mean confidence|, in 0..1 (Guo et al. 2017, "On
    Calibration of Modern Neural Networks").

    Confidence is the highest probability of an utterance; bin b holds confidences in ((b - 1) / 15, b / 15]. The figure
    is biased upward in small samples, since chance opens gaps that do not cancel: perfect probabilities do not reach
    0 (Roelofs et al. 2022, "Mitigating Bias in Calibration Error Estimation").

    Raises:
        ValueError: nothing to measure, shapes that differ, or rows that are not probabilities.
        UnknownName: a true class that is not among `classes`.

    >>> round(expected_calibration_error(["sad"] * 10, np.array([[0.2, 0.8]] * 10), ["happy", "sad"]), 4)
    0.2
    """
    codes, values = coded(truth, probabilities, classes)
    confidence, right = binned(codes, values)
    return float(np.abs(confidence.sum(0) - right.sum(0)).sum() / len(codes))


def log_losses(codes: NDArray[np.intp], probabilities: Probabilities) -> NDArray[np.float64]:
    """The log loss of each utterance (N,), from class numbers (N,) and probabilities (N, C)."""
    true = probabilities[np.arange(len(codes)), codes].astype(np.float64)
    return np.asarray(-np.log(np.maximum(true, _LEAST)))


def brier_scores(codes: NDArray[np.intp], probabilities: Probabilities) -> NDArray[np.float64]:
    """The Brier score of each utterance (N,), from class numbers (N,) and probabilities (N, C)."""
    aim = np.eye(probabilities.shape[1])[codes]
    return np.asarray(((probabilities - aim) ** 2).sum(1))


def binned(codes: NDArray[np.intp], probabilities: Probabilities) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Confidence, and whether it was right (1 or 0), of each utterance in the column of its bin: (N, 15) twice."""
    best = probabilities.argmax(1)
    confidence = probabilities[np.arange(len(codes)), best]
    column = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    place = np.eye(BINS)[column]
    return place * confidence[:, None], place * (best == codes)[:, None]


METRICS: dict[str, Callable[[Labels, Labels], float]] = {
    metric.__name__: metric for metric in (accuracy, unweighted_average_recall, macro_f1, weighted_f1)
}
PROBABILITY_METRICS: dict[str, Callable[[Labels, Probabilities, Labels], float]] = {
    metric.__name__: metric for metric in (log_loss, brier_score, expected_calibration_error)
}


def greatest(metric: str) -> float:
    """The greatest value that a metric can take; the least of every metric is 0.

    >>> greatest("accuracy"), greatest("brier_score"), round(greatest("log_loss"), 1)
    (1.0, 2.0, 36.0)
    """
    return {"log_loss": -math.log(_LEAST), "brier_score": 2.0}.get(metric, 1.0)


def measure(truth: Labels, prediction: Labels, classes: Labels) -> dict[str, float]:
    """Every metric by name.

    Raises:
        UnknownName: a true or predicted class that is not among `classes`.
    """
    strange = sorted((set(truth) | set(prediction)) - set(classes))
    if strange:
        raise UnknownName(f"unknown class {', '.join(map(repr, strange))}", expected=", ".join(classes))
    return {name: metric(truth, prediction) for name, metric in METRICS.items()}


def check(truth: Labels, prediction: Labels) -> tuple[list[str], list[str]]:
    """Both as lists.

    Raises:
        ValueError: nothing to measure, or as many predictions as utterances are not there.
    """
    if len(truth) == 0 or len(truth) != len(prediction):
        raise ValueError(f"nothing to measure: {len(truth)} utterances, {len(prediction)} predictions")
    return list(truth), list(prediction)


def coded(truth: Labels, probabilities: Probabilities, classes: Labels) -> tuple[NDArray[np.intp], Probabilities]:
    """The true class's number of each utterance (N,), and the probabilities.

    Raises:
        ValueError: nothing to measure, shapes that differ, or rows that are not probabilities.
        UnknownName: a true class that is not among `classes`.
    """
    if len(truth) == 0 or np.shape(probabilities) != (len(truth), len(classes)):
        raise ValueError(
            f"nothing to measure: {len(truth)} utterances of {len(classes)} classes, probabilities of shape "
            f"{np.shape(probabilities)}"
        )
    if (
        not (np.isfinite(probabilities).all() and (probabilities >= 0).all())
        or np.abs(probabilities.sum(1) - 1).max() > 1e-3
    ):
        raise ValueError("probabilities must be at least 0 and sum to 1 in each row")
    strange = sorted(set(truth) - set(classes))
    if strange:
        raise UnknownName(f"unknown class {', '.join(map(repr, strange))}", expected=", ".join(classes))
    place = {name: number for number, name in enumerate(classes)}
    return np.array([place[name] for name in truth]), probabilities

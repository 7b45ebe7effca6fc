"""Compute the metrics one call at a time, by scikit-learn or by their formula, to check the product's metrics against.

Each takes true classes and predicted classes (N,), or true classes (N,), probabilities (N, C) and class names (C,).
"""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, recall_score

CLASSES = ["angry", "happy", "neutral", "sad"]


def accuracy(truth, prediction):
    return float(accuracy_score(truth, prediction))


def unweighted_average_recall(truth, prediction):
    return float(recall_score(truth, prediction, labels=sorted(set(truth)), average="macro", zero_division=0))


def macro_f1(truth, prediction):
    return float(f1_score(truth, prediction, labels=sorted(set(truth)), average="macro", zero_division=0))


def weighted_f1(truth, prediction):
    return float(f1_score(truth, prediction, average="weighted", zero_division=0))


METRICS = {metric.__name__: metric for metric in (accuracy, unweighted_average_recall, macro_f1, weighted_f1)}


def class_recall(truth, prediction, name):
    right = sum(a == b == name for a, b in zip(truth, prediction, strict=True))
    return right / truth.count(name) if truth.count(name) else 0.0


def class_precision(truth, prediction, name):
    return class_recall(prediction, truth, name)


def class_f1(truth, prediction, name):
    right = sum(a == b == name for a, b in zip(truth, prediction, strict=True))
    total = truth.count(name) + prediction.count(name)
    return 2 * right / total if total else 0.0


def log_loss(truth, rows, classes):
    likely = [row[classes.index(name)] for name, row in zip(truth, rows, strict=True)]
    return float(np.mean([-np.log(max(value, np.finfo(float).eps)) for value in likely]))


def brier_score(truth, rows, classes):
    squares = [
        sum((value - (classes[place] == name)) ** 2 for place, value in enumerate(row))
        for name, row in zip(truth, rows, strict=True)
    ]
    return sum(squares) / len(truth)


def expected_calibration_error(truth, rows, classes):
    error = 0.0
    for number in range(15):
        inside = []
        for name, row in zip(truth, map(list, rows), strict=True):
            if number / 15 < max(row) <= (number + 1) / 15:
                inside.append((max(row), classes[row.index(max(row))] == name))
        if inside:
            confidence = sum(c for c, _ in inside) / len(inside)
            error += len(inside) / len(truth) * abs(confidence - sum(r for _, r in inside) / len(inside))
    return error


PROBABILITY_METRICS = {metric.__name__: metric for metric in (log_loss, brier_score, expected_calibration_error)}

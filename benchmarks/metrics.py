"""Metrics by their full names; scikit-learn computes them."""

from collections.abc import Callable, Sequence

from sklearn.metrics import accuracy_score, f1_score, recall_score

from featurestore.errors import UnknownName

Labels = Sequence[str]


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
    return float(accuracy_score(*_checked(truth, prediction)))


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
    truth, prediction = _checked(truth, prediction)
    present = sorted(set(truth))
    return float(recall_score(truth, prediction, labels=present, average="macro", zero_division=0))


def macro_f1(truth: Labels, prediction: Labels) -> float:
    """Mean over the classes of 2 TP / (2 TP + FP + FN), in 0..1.

    The mean of F1 scores, not the F1 score of means (Opitz and Burst 2019, "Macro F1 and Macro F1"). A class
    without true utterances counts as 0 where it was predicted, and is left out of the mean where it was not.

    Raises:
        ValueError: nothing to measure, or as many predictions as utterances are not there.

    >>> round(macro_f1(["sad", "sad", "sad", "happy"], ["sad", "sad", "sad", "sad"]), 4)
    0.4286
    """
    return float(f1_score(*_checked(truth, prediction), average="macro", zero_division=0))


METRICS: dict[str, Callable[[Labels, Labels], float]] = {
    metric.__name__: metric for metric in (accuracy, unweighted_average_recall, macro_f1)
}


def measure(truth: Labels, prediction: Labels, classes: Labels) -> dict[str, float]:
    """Every metric by name.

    Raises:
        UnknownName: a true or predicted class that is not among `classes`.
    """
    strange = sorted((set(truth) | set(prediction)) - set(classes))
    if strange:
        raise UnknownName(f"unknown class {', '.join(map(repr, strange))}", expected=", ".join(classes))
    return {name: metric(truth, prediction) for name, metric in METRICS.items()}


def _checked(truth: Labels, prediction: Labels) -> tuple[list[str], list[str]]:
    if len(truth) == 0 or len(truth) != len(prediction):
        raise ValueError(f"nothing to measure: {len(truth)} utterances, {len(prediction)} predictions")
    return list(truth), list(prediction)

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, recall_score

from benchmarks.statistics.intervals import Answers
from benchmarks.statistics.metrics import (
    METRICS,
    PROBABILITY_METRICS,
    accuracy,
    brier_score,
    expected_calibration_error,
    log_loss,
    macro_f1,
    measure,
    per_class,
    unweighted_average_recall,
    weighted_f1,
)
from featurestore.errors import UnknownName

CLASSES = ["angry", "happy", "neutral", "sad"]
pairs = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=40)


def plain_recall(truth, prediction, name):
    right = sum(a == b == name for a, b in zip(truth, prediction, strict=True))
    return right / truth.count(name)


def plain_f1(truth, prediction, name):
    right = sum(a == b == name for a, b in zip(truth, prediction, strict=True))
    return 2 * right / (truth.count(name) + prediction.count(name))


@given(pairs)
def test_the_metrics_are_their_formulas(drawn):
    truth, prediction = [a for a, _ in drawn], [b for _, b in drawn]
    seen = sorted(set(truth))
    right = sum(a == b for a, b in drawn)
    assert accuracy(truth, prediction) == pytest.approx(right / len(drawn))
    recalls = [plain_recall(truth, prediction, name) for name in seen]
    assert unweighted_average_recall(truth, prediction) == pytest.approx(sum(recalls) / len(seen))
    scores = [plain_f1(truth, prediction, name) for name in seen]
    assert macro_f1(truth, prediction) == pytest.approx(sum(scores) / len(seen))


def test_recall_and_f1_are_of_the_same_classes_those_in_truth():
    truth, prediction = ["sad", "sad"], ["sad", "happy"]
    assert unweighted_average_recall(truth, prediction) == 0.5
    assert macro_f1(truth, prediction) == pytest.approx(2 / 3)


@given(pairs)
def test_figures_from_counts_are_scikit_learns_over_the_classes_in_truth(drawn):
    truth, prediction = [a for a, _ in drawn], [b for _, b in drawn]
    options = {"labels": sorted(set(truth)), "average": "macro", "zero_division": 0}
    values = Answers(truth, prediction, CLASSES).values()
    assert values["unweighted_average_recall"] == pytest.approx(recall_score(truth, prediction, **options))
    assert values["macro_f1"] == pytest.approx(f1_score(truth, prediction, **options))
    assert values == pytest.approx(measure(truth, prediction, CLASSES))


def test_one_utterance():
    assert measure(["sad"], ["sad"], CLASSES) == dict.fromkeys(METRICS, 1.0)
    assert measure(["sad"], ["happy"], CLASSES) == dict.fromkeys(METRICS, 0.0)


@pytest.mark.parametrize(("truth", "prediction"), [([], []), (["sad"], ["sad", "sad"])])
@pytest.mark.parametrize("metric", METRICS.values())
def test_nothing_to_measure_is_said(metric, truth, prediction):
    message = f"nothing to measure: {len(truth)} utterances, {len(prediction)} predictions"
    with pytest.raises(ValueError, match=message):
        metric(truth, prediction)


def test_a_class_that_is_not_one_is_refused():
    with pytest.raises(UnknownName) as caught:
        measure(["sad"], ["bored"], CLASSES)
    assert str(caught.value) == "unknown class 'bored'\n  expected: angry, happy, neutral, sad"


@given(pairs)
def test_figures_of_a_class_are_their_formulas(drawn):
    truth, prediction = [a for a, _ in drawn], [b for _, b in drawn]
    found = per_class(truth, prediction, CLASSES)
    weighted = 0.0
    for name in CLASSES:
        right = sum(a == b == name for a, b in drawn)
        true, predicted = truth.count(name), prediction.count(name)
        f1 = 2 * right / (true + predicted) if true + predicted else 0.0
        figures = [right / predicted if predicted else 0.0, right / true if true else 0.0, f1, true]
        assert list(found[name].values()) == pytest.approx(figures)
        weighted += f1 * true / len(drawn)
    assert weighted_f1(truth, prediction) == pytest.approx(weighted)


def plain_calibration(truth, rows):
    gaps = 0.0
    for number in range(15):
        inside = []
        for name, row in zip(truth, rows, strict=True):
            if number / 15 < max(row) <= (number + 1) / 15:
                inside.append((max(row), CLASSES[row.index(max(row))] == name))
        if inside:
            confidence = sum(c for c, _ in inside) / len(inside)
            gaps += len(inside) / len(truth) * abs(confidence - sum(r for _, r in inside) / len(inside))
    return gaps


@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.lists(st.integers(1, 99), min_size=4, max_size=4)), min_size=1))
def test_metrics_of_probabilities_are_their_formulas(drawn):
    truth = [name for name, _ in drawn]
    rows = [[value / sum(weights) for value in weights] for _, weights in drawn]
    given_true = [row[CLASSES.index(name)] for name, row in zip(truth, rows, strict=True)]
    squares = [
        sum((value - (CLASSES[place] == name)) ** 2 for place, value in enumerate(row))
        for name, row in zip(truth, rows, strict=True)
    ]
    arguments = truth, np.array(rows), CLASSES
    assert log_loss(*arguments) == pytest.approx(sum(-math.log(value) for value in given_true) / len(truth))
    assert brier_score(*arguments) == pytest.approx(sum(squares) / len(truth))
    assert expected_calibration_error(*arguments) == pytest.approx(plain_calibration(truth, rows), abs=1e-9)


def test_probabilities_at_their_ends():
    sure = np.array([[1.0, 0.0]])
    assert [metric(["sad"], sure, ["sad", "ang"]) for metric in PROBABILITY_METRICS.values()] == [0.0, 0.0, 0.0]
    assert log_loss(["ang"], sure, ["sad", "ang"]) == pytest.approx(36.04, abs=0.01)
    assert brier_score(["ang"], sure, ["sad", "ang"]) == 2.0
    assert expected_calibration_error(["ang"], sure, ["sad", "ang"]) == 1.0
    assert log_loss(["sad"], np.array([[1.0]]), ["sad"]) == 0.0


@pytest.mark.parametrize("metric", PROBABILITY_METRICS.values())
@pytest.mark.parametrize(
    ("truth", "rows", "message"),
    [
        ([], np.empty((0, 2)), "nothing to measure: 0 utterances of 2 classes, probabilities of shape (0, 2)"),
        (["sad"], np.ones((2, 2)) / 2, "nothing to measure: 1 utterances of 2 classes, probabilities of shape (2, 2)"),
        (["sad"], np.array([[0.9, 0.9]]), "probabilities must be at least 0 and sum to 1 in each row"),
        (["sad"], np.array([[np.nan, 1.0]]), "probabilities must be at least 0 and sum to 1 in each row"),
    ],
)
def test_what_is_no_probability_is_said(metric, truth, rows, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(truth, rows, ["ang", "sad"])


def test_a_true_class_without_a_probability_is_refused():
    with pytest.raises(UnknownName, match="unknown class 'bored'\n  expected: ang, sad"):
        log_loss(["bored"], np.array([[0.5, 0.5]]), ["ang", "sad"])

"""Metrics equal their formulas, at the limits too, and refuse what cannot be measured."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.statistics import metrics
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.class_metrics import estimate_class_metrics
from benchmarks.statistics.count_metrics import COUNT_METRICS
from featurestore.errors import UnknownName
from tests.benchmarks.statistics import plain_metrics
from tests.benchmarks.statistics.plain_metrics import CLASSES, METRICS, PROBABILITY_METRICS

labels = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=40)
weights = st.lists(st.integers(1, 99), min_size=4, max_size=4)


def measure(truth, prediction, classes=CLASSES):
    return Answers(truth, prediction, classes).values()


def measure_probabilities(truth, rows, classes):
    found = Answers(truth, truth, classes, np.array(rows)).values()
    return {name: found[name] for name in PROBABILITY_METRICS}


def test_metrics_go_by_the_same_names():
    assert COUNT_METRICS.keys() == METRICS.keys()
    assert list(PROBABILITY_METRICS) == list(metrics.PROBABILITY_METRICS)


@given(labels)
def test_metrics_equal_their_formulas(drawn):
    truth, prediction = [a for a, _ in drawn], [b for _, b in drawn]
    found, present = measure(truth, prediction), sorted(set(truth))
    right = sum(a == b for a, b in drawn)
    assert found["accuracy"] == pytest.approx(right / len(drawn))
    recalls = [plain_metrics.class_recall(truth, prediction, name) for name in present]
    assert found["unweighted_average_recall"] == pytest.approx(sum(recalls) / len(present))
    scores = {name: plain_metrics.class_f1(truth, prediction, name) for name in present}
    assert found["macro_f1"] == pytest.approx(sum(scores.values()) / len(present))
    weighted = sum(score * truth.count(name) for name, score in scores.items()) / len(truth)
    assert found["weighted_f1"] == pytest.approx(weighted)


@given(labels)
def test_metrics_equal_scikit_learns_over_the_classes_in_truth(drawn):
    truth, prediction = [a for a, _ in drawn], [b for _, b in drawn]
    found = measure(truth, prediction)
    assert found == pytest.approx({name: metric(truth, prediction) for name, metric in METRICS.items()})
    assert metrics.unweighted_average_recall(truth, prediction) == pytest.approx(found[metrics.METRIC])


def test_recall_and_f1_leave_out_the_same_classes():
    found = measure(["sad", "sad"], ["sad", "happy"])
    assert found["unweighted_average_recall"] == 0.5
    assert found["macro_f1"] == pytest.approx(2 / 3)


def test_one_utterance():
    assert measure(["sad"], ["sad"]) == dict.fromkeys(METRICS, 1.0)
    assert measure(["sad"], ["happy"]) == dict.fromkeys(METRICS, 0.0)


@pytest.mark.parametrize(("truth", "prediction"), [([], []), (["sad"], ["sad", "sad"])])
@pytest.mark.parametrize("metric", [measure, metrics.unweighted_average_recall])
def test_empty_or_unequal_input_is_refused(metric, truth, prediction):
    message = f"nothing to measure: {len(truth)} utterances, {len(prediction)} predictions"
    with pytest.raises(ValueError, match=message):
        metric(truth, prediction)


@pytest.mark.parametrize(("truth", "prediction"), [("sad", "bored"), ("bored", "sad")])
def test_an_unknown_class_is_refused(truth, prediction):
    with pytest.raises(UnknownName) as caught:
        measure([truth], [prediction])
    assert str(caught.value) == "unknown class 'bored'\n  expected: angry, happy, neutral, sad"


@given(labels)
def test_metrics_of_each_class_equal_their_formulas(drawn):
    truth, prediction = [a for a, _ in drawn], [b for _, b in drawn]
    answers = Answers(truth, prediction, CLASSES)
    found = estimate_class_metrics([answers], resamples=1)
    assert list(found) == CLASSES
    for name in CLASSES:
        expected = {
            "precision": plain_metrics.class_precision(truth, prediction, name),
            "recall": plain_metrics.class_recall(truth, prediction, name),
            "f1": plain_metrics.class_f1(truth, prediction, name),
        }
        assert {metric: one.value for metric, one in found[name].items()} == pytest.approx(expected)
        assert {one.n for one in found[name].values()} == {truth.count(name)}
    counts = [[sum(pair == (a, b) for pair in drawn) for b in CLASSES] for a in CLASSES]
    assert answers.confusion().tolist() == counts


@given(st.lists(st.tuples(st.sampled_from(CLASSES), weights), min_size=1))
def test_metrics_of_probabilities_equal_their_formulas(drawn):
    truth = [name for name, _ in drawn]
    rows = [[value / sum(row) for value in row] for _, row in drawn]
    expected = {name: metric(truth, rows, CLASSES) for name, metric in PROBABILITY_METRICS.items()}
    assert measure_probabilities(truth, rows, CLASSES) == pytest.approx(expected, abs=1e-9)


def test_probabilities_of_0_and_1():
    certain = [[1.0, 0.0]]
    assert list(measure_probabilities(["sad"], certain, ["sad", "ang"]).values()) == [0.0, 0.0, 0.0]
    wrong = measure_probabilities(["ang"], certain, ["sad", "ang"])
    assert wrong["log_loss"] == pytest.approx(36.04, abs=0.01)
    assert wrong["brier_score"] == 2.0
    assert wrong["expected_calibration_error"] == 1.0
    assert measure_probabilities(["sad"], [[1.0]], ["sad"])["log_loss"] == 0.0


@pytest.mark.parametrize(
    ("truth", "rows", "message"),
    [
        ([], np.empty((0, 2)), "nothing to measure: 0 utterances of 2 classes, probabilities of shape (0, 2)"),
        (["sad"], np.ones((2, 2)) / 2, "nothing to measure: 1 utterances of 2 classes, probabilities of shape (2, 2)"),
        (["sad"], np.array([[0.9, 0.9]]), "probabilities must be at least 0 and sum to 1 in each row"),
        (["sad"], np.array([[np.nan, 1.0]]), "probabilities must be at least 0 and sum to 1 in each row"),
    ],
)
def test_invalid_probabilities_are_refused(truth, rows, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        metrics.encode_truth(truth, rows, ["ang", "sad"])
    if truth:
        with pytest.raises(ValueError, match=re.escape(message)):
            measure_probabilities(truth, rows, ["ang", "sad"])


def test_a_true_class_without_a_probability_is_refused():
    with pytest.raises(UnknownName, match="unknown class 'bored'\n  expected: ang, sad"):
        measure_probabilities(["bored"], [[0.5, 0.5]], ["ang", "sad"])

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from benchmarks.statistics.answers import Answers
from benchmarks.statistics.class_metrics import CLASS_METRICS, estimate_class_metrics
from benchmarks.statistics.intervals import PointEstimate

CLASSES = ("angry", "happy", "sad")


def draw(seed, rows=300):
    rng = np.random.default_rng(seed)
    truth = rng.choice(CLASSES, rows, p=[0.6, 0.3, 0.1])
    return Answers(truth.tolist(), np.where(rng.random(rows) < 0.7, truth, rng.choice(CLASSES, rows)).tolist(), CLASSES)


def test_values_are_those_of_scikit_learn_and_lie_in_their_intervals():
    answers = [draw(1), draw(1)]
    clusters = [f"s{row % 12}" for row in range(300)]
    found = estimate_class_metrics(answers, clusters=clusters, resamples=300)
    precision, recall, f1, n = precision_recall_fscore_support(answers[0].truth, answers[0].prediction, labels=CLASSES)
    for place, name in enumerate(CLASSES):
        expected = dict(zip(CLASS_METRICS, (recall[place], precision[place], f1[place]), strict=True))
        for metric, value in expected.items():
            one = found[name][metric]
            assert one.value == pytest.approx(value)
            assert one.low < value < one.high
            assert one.n == n[place]


def test_a_rare_class_has_a_wide_interval():
    """It is missing in many resamples, which say nothing about it; counted as 0 they would drag its interval down."""
    truth = ["angry"] * 40 + ["sad"]
    found = estimate_class_metrics([Answers(truth, truth, ("angry", "sad"))], resamples=300)["sad"]["recall"]
    assert (found.value, found.low, found.high, found.n) == (1, 1, 1, 1)


def test_a_class_that_never_occurs_has_no_interval():
    found = estimate_class_metrics([Answers(["angry", "sad"] * 9, ["angry", "sad"] * 9, CLASSES)], resamples=50)
    assert found["happy"]["recall"] == PointEstimate(0.0, 0)

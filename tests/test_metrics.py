import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.metrics import METRICS, accuracy, macro_f1, measure, unweighted_average_recall
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
    seen, either = sorted(set(truth)), sorted(set(truth) | set(prediction))
    right = sum(a == b for a, b in drawn)
    assert accuracy(truth, prediction) == pytest.approx(right / len(drawn))
    recalls = [plain_recall(truth, prediction, name) for name in seen]
    assert unweighted_average_recall(truth, prediction) == pytest.approx(sum(recalls) / len(seen))
    scores = [plain_f1(truth, prediction, name) for name in either]
    assert macro_f1(truth, prediction) == pytest.approx(sum(scores) / len(either))


def test_a_class_absent_from_truth_is_left_out_of_recall_but_costs_f1():
    truth, prediction = ["sad", "sad"], ["sad", "happy"]
    assert unweighted_average_recall(truth, prediction) == 0.5
    assert macro_f1(truth, prediction) == pytest.approx((2 / 3 + 0) / 2)


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

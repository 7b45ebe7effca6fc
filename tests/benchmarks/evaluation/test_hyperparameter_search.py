import itertools

import numpy as np
import pytest
from sklearn.metrics import f1_score

from benchmarks.evaluation.hyperparameter_search import search
from benchmarks.statistics.metrics import unweighted_average_recall
from heads.logistic import LogisticHead
from heads.prior import PriorHead
from heads.svm import SVMHead
from tests.support.quick_heads import as_inputs


def data():
    rng = np.random.default_rng(0)
    y = np.array(["ang", "hap", "sad"])[np.arange(90) % 3]
    return rng.normal(size=(90, 5)) + (np.arange(90) % 3)[:, None], y.tolist()


def test_the_best_on_dev_is_chosen_and_given_settings_stay():
    X, y = data()
    dev = [0 if row >= 60 else -1 for row in range(90)]
    found = search(SVMHead, {"class_weight": None, "random_state": 0}, as_inputs(X), y, dev, 4, seed=0)
    assert found.keys() == {"class_weight", "random_state", "C", "gamma_factor"}
    assert found["class_weight"] is None
    assert found == search(SVMHead, {"class_weight": None, "random_state": 0}, as_inputs(X), y, dev, 4, seed=0)


@pytest.mark.parametrize("turns", [1, 3])
def test_the_best_on_average_over_the_parts_is_chosen(turns):
    X, y = data()
    part = [row // 25 if row // 25 < turns else -1 for row in range(90)]
    found = search(LogisticHead, {}, as_inputs(X), y, part, 12, seed=0)
    space = LogisticHead.SPACE

    def reached(params):
        return np.mean([recall_on(np.array(part) == turn, X, np.array(y), params) for turn in range(turns)])

    every = [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]
    assert found.keys() == space.keys()
    assert reached(found) == max(map(reached, every))


def test_the_best_by_another_metric_is_chosen():
    X, y = data()
    y = [name if row % 5 else "ang" for row, name in enumerate(y)]  # unequal classes
    found = search(
        LogisticHead, {}, as_inputs(X), y, [row // 45 for row in range(90)], 12, seed=0, metric="weighted_f1"
    )
    space = LogisticHead.SPACE

    def reached(params):
        return np.mean([f1_on(np.arange(90) // 45 == turn, X, np.array(y), params) for turn in range(2)])

    every = [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]
    assert reached(found) == pytest.approx(max(map(reached, every)), abs=1e-12)


def f1_on(dev, X, y, params):
    answers = LogisticHead(**params).fit(X[~dev], y[~dev]).predict(X[dev])
    return f1_score(y[dev], answers, average="weighted")


def recall_on(dev, X, y, params):
    answers = LogisticHead(**params).fit(X[~dev], y[~dev]).predict(X[dev])
    return unweighted_average_recall(y[dev].tolist(), answers.tolist())


def test_a_head_without_settings_keeps_its_defaults():
    X, y = data()
    assert search(PriorHead, {}, as_inputs(X), y, [0] * 90, 3, seed=0) == {}

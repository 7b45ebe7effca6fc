import itertools
from typing import ClassVar

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import f1_score

from benchmarks.evaluation.hyperparameter_search import search
from benchmarks.statistics.metrics import unweighted_average_recall
from heads.logistic import LogisticHead
from heads.mlp import MLPHead
from heads.prior import PriorHead
from heads.svm import SVMHead
from heads.xgb import XGBHead
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


def draw_rows():
    X, y = data()
    return as_inputs(X.astype(np.float32)), np.array(y)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (SVMHead, {}),
        (SVMHead, {"C": 30.0, "gamma_factor": 3.0, "class_weight": "balanced"}),
        (SVMHead, {"gamma": 0.1, "calibration_folds": 20}),
        (SVMHead, {"approximate": 20}),
        (LogisticHead, {"C": 1.0}),
        (XGBHead, {"n_estimators": 3, "subsample": 0.5, "n_jobs": 1}),
        (XGBHead, {"n_estimators": 3, "max_bin": 4, "n_jobs": 1}),
        (MLPHead, {"hidden": (4,), "epochs": 2, "device": "cpu"}),
        (MLPHead, {"hidden": (4,), "epochs": 2, "device": "cpu", "standardize": False}),
    ],
)
@pytest.mark.parametrize("classes", [2, 3])
def test_a_fit_with_shared_work_answers_as_one_from_scratch(kind, params, classes):
    inputs, y = draw_rows()
    y = np.where(y == "sad", "hap", y) if classes == 2 else y
    seeded = params | ({} if kind is LogisticHead else {"random_state": 0})
    shared = kind.share(inputs.matrix)
    assert shared is not None
    kind(**seeded).fit(inputs.matrix, y[::-1].copy(), shared=shared)  # other classes before leave no trace
    mine = kind(**seeded).fit(inputs.matrix, y, shared=shared)
    scratch = kind(**seeded).fit(inputs.matrix, y)
    assert (mine.predict(inputs.matrix) == scratch.predict(inputs.matrix)).all()
    if kind is SVMHead:
        rounding = 1e-9 if "approximate" in params else 0  # without folds, the same rows are summed in another order
        scores = [head._compute_scores(inputs.matrix) for head in (mine, scratch)]
        np.testing.assert_allclose(*scores, rtol=0, atol=rounding)
    else:
        np.testing.assert_array_equal(mine.predict_proba(inputs.matrix), scratch.predict_proba(inputs.matrix))


@pytest.mark.parametrize("kind", [SVMHead, XGBHead])
def test_every_setting_shares_what_is_computed_once_for_each_part(kind, monkeypatch):
    inputs, y = draw_rows()
    share, calls = kind.share.__func__, []
    monkeypatch.setattr(kind, "share", classmethod(lambda cls, X: calls.append(len(X)) or share(cls, X)))
    given = {"random_state": 0} | ({"n_jobs": 1, "n_estimators": 2} if kind is XGBHead else {})
    search(kind, given, inputs, y, np.arange(90) % 3, 3, seed=0)
    assert calls == [60] * 3


def test_a_classifier_that_shares_nothing_is_searched_as_before():
    class Foreign(RidgeClassifier):
        SPACE: ClassVar = {"alpha": (1e-3, 1e6)}

    inputs, y = draw_rows()
    assert search(Foreign, {}, inputs, y, np.arange(90) % 3, 2, seed=0)["alpha"] in (1.0, 1e-3, 1e6)

import numpy as np

from benchmarks.runs.search import search
from benchmarks.statistics.metrics import unweighted_average_recall
from heads.logistic import LogisticHead


def data():
    rng = np.random.default_rng(0)
    y = np.array(["ang", "hap", "sad"])[np.arange(90) % 3]
    return rng.normal(size=(90, 5)) + (np.arange(90) % 3)[:, None], y.tolist()


def test_the_best_on_dev_is_chosen_and_what_is_given_stays():
    X, y = data()
    dev = [row >= 60 for row in range(90)]
    found = search("svm", {"class_weight": None, "random_state": 0}, X, y, dev, 4, seed=0)
    assert found.keys() == {"class_weight", "random_state", "C", "gamma"}
    assert found["class_weight"] is None
    assert found == search("svm", {"class_weight": None, "random_state": 0}, X, y, dev, 4, seed=0)


def test_what_is_chosen_is_at_least_as_good_on_dev_as_the_default():
    X, y = data()
    dev, names = np.arange(90) >= 60, np.array(y)
    found = search("logistic", {}, X, y, dev.tolist(), 12, seed=0)
    chosen, default = (
        unweighted_average_recall(
            names[dev].tolist(), LogisticHead(**params).fit(X[~dev], names[~dev]).predict(X[dev]).tolist()
        )
        for params in (found, {})
    )
    assert found.keys() == {"C", "class_weight"}
    assert chosen >= default


def test_a_head_without_settings_is_as_it_is():
    X, y = data()
    assert search("prior", {}, X, y, [True] * 90, 3, seed=0) == {}

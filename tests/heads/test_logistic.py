import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from heads.logistic import LogisticHead


def data(classes, rows=150):
    rng = np.random.default_rng(0)
    codes = np.arange(rows) % classes
    return rng.normal(size=(rows, 5)) * [1, 1, 1, 10, 1e-3] + 0.7 * codes[:, None], np.array(list("abcd"))[codes]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("params", [{"C": 0.5}, {"C": 0.01, "class_weight": "balanced"}])
def test_equals_scikit_learn_on_standardized_columns(classes, params):
    X, y = data(classes)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, **params)).fit(X, y)
    ours = LogisticHead(**params).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)
    assert ours.coef_.shape == (classes, 5)


def test_the_settings_of_the_defaults():
    X, y = data(4)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200)).fit(X, y)
    np.testing.assert_allclose(LogisticHead().fit(X, y).predict_proba(X), theirs.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize(
    ("params", "message"),
    [({"C": 0}, "C must be a number above 0, got 0"), ({"max_iter": 0.5}, "max_iter must be an integer of at least 1")],
)
def test_bad_parameters_raise(params, message):
    with pytest.raises(ValueError, match=message):
        LogisticHead(**params).fit(*data(2))


def test_weights_of_another_head_raise(tmp_path):
    head = LogisticHead().fit(*data(2))
    head.save_weights(tmp_path)
    head.n_features_in_ = 4
    with pytest.raises(ValueError, match="logistic.safetensors is not of 2 classes and 4 columns"):
        head.load_weights(tmp_path)

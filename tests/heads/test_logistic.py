import numpy as np
import pytest
from scipy.optimize import check_grad, minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight

from heads import StreamedMatrix
from heads._streamed_regression import SoftmaxRegression
from heads.logistic import LogisticHead
from tests.support.streams import stream


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


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("params", [{"C": 0.5}, {"C": 10, "class_weight": "balanced"}, {"class_weight": {"a": 3.0}}])
def test_streamed_it_is_the_optimum_of_scikit_learn(monkeypatch, classes, params):
    monkeypatch.setattr("heads._streamed._BATCH", 5 * 40)
    X, y = data(classes)
    ours = LogisticHead(**params).fit(StreamedMatrix(lambda rows: X[rows], X.shape, X.dtype), y)
    there = LogisticHead(**params).fit(X, y)
    np.testing.assert_allclose(ours.coef_, there.coef_, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, there.intercept_, atol=1e-9)
    assert ours.n_iter_ == there.n_iter_
    tight = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10, max_iter=1000, **{"C": 0.1} | params))
    np.testing.assert_allclose(ours.predict_proba(X), tight.fit(X, y).predict_proba(X), atol=2e-3)


@pytest.mark.parametrize("streamed", [False, True])
def test_columns_whose_mean_float32_rounds_are_predicted_as_they_were_fitted(streamed):
    X, y = data(4)
    X = (X * [1e-3, 1, 1, 1, 1e-3] + [5000, 0, 5000, 0, 5001]).astype(np.float32)
    there = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200)).fit(X, y)
    ours = LogisticHead().fit(StreamedMatrix(lambda rows: X[rows], X.shape) if streamed else X, y)
    np.testing.assert_allclose(ours.predict_proba(X), there.predict_proba(X), atol=1e-4)


def test_the_gradient_is_that_of_the_loss():
    X, y = data(3)
    codes = np.unique(y, return_inverse=True)[1]
    problem = SoftmaxRegression(
        StreamedMatrix(lambda rows: X[rows], X.shape, X.dtype), codes, np.array([1.0, 2, 0.5]), X.mean(0), X.std(0), 0.3
    )
    point = np.random.default_rng(1).normal(size=3 * 6)
    assert check_grad(lambda at: problem.evaluate(at)[0], lambda at: problem.evaluate(at)[1], point) < 1e-6


def test_streamed_a_head_that_has_not_converged_is_used():
    X, y = data(4)
    found = LogisticHead(max_iter=2).fit(StreamedMatrix(lambda rows: X[rows], X.shape, X.dtype), y)
    assert found.n_iter_ == 2


def draw_distributions(y, seed=0):
    """Draw a distribution for each row whose most probable class is that of y; some shares are 0."""
    rng = np.random.default_rng(seed)
    one_hot = (np.unique(y) == y[:, None]).astype(float)
    doubt = rng.dirichlet(np.ones(one_hot.shape[1]), len(y)) * (rng.random(one_hot.shape) < 0.7)
    found = one_hot + 0.8 * doubt
    return found / found.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"a": 3.0}])
def test_distributions_are_rows_of_each_class_with_weights(monkeypatch, streamed, classes, class_weight):
    """The plain computation: every row once for each class, weighted by its share, fitted tightly by scikit-learn."""
    monkeypatch.setattr("heads._streamed._BATCH", 5 * 40)
    X, y = data(classes)
    shares = draw_distributions(y)
    names = np.unique(y)
    of_class = compute_class_weight(class_weight, classes=names, y=y)
    repeated = StandardScaler().fit(X).transform(np.repeat(X, classes, axis=0))
    there = LogisticRegression(C=0.1, tol=1e-10, max_iter=2000).fit(
        repeated, np.tile(names, len(X)), sample_weight=(shares * of_class).ravel()
    )
    ours = LogisticHead(class_weight=class_weight).fit(stream(X) if streamed else X, y, distributions=shares)
    expected = there.predict_proba(StandardScaler().fit(X).transform(X))
    np.testing.assert_allclose(ours.predict_proba(X), expected, atol=2e-3)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("soft", [False, True])
def test_the_logit_adjustment_is_the_fit_with_the_prior_in_its_loss(classes, soft):
    X, y = data(classes)
    kept = np.flatnonzero((y != "a") | (np.arange(len(y)) < 40))
    X, y = X[kept], y[kept]
    shares = draw_distributions(y) if soft else (np.unique(y) == y[:, None]).astype(float)
    found = LogisticHead(logit_adjustment=0.7).fit(X, y, **({"distributions": shares} if soft else {}))
    scaled = StandardScaler().fit_transform(X)

    def measure_loss(flat):
        coef, intercept = flat[:-classes].reshape(classes, -1), flat[-classes:]
        logs = log_softmax(scaled @ coef.T + intercept + 0.7 * np.log(shares.mean(axis=0)), axis=1)
        return -0.1 * (shares * logs).sum() + 0.5 * (coef**2).sum()

    def penalize_second(flat):  # for two classes only the second has coefficients
        return measure_loss(np.concatenate([np.zeros(5), flat[:-1], [0.0], flat[-1:]]))

    size = 5 * classes + classes if classes > 2 else 6
    best = minimize(measure_loss if classes > 2 else penalize_second, np.zeros(size), tol=1e-10).x
    if classes == 2:
        best = np.concatenate([np.zeros(5), best[:-1], [0.0], best[-1:]])
    coef, intercept = best[:-classes].reshape(classes, -1), best[-classes:]
    np.testing.assert_allclose(found.predict_proba(X), softmax(scaled @ coef.T + intercept, axis=1), atol=2e-3)

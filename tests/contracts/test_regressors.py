import functools

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from benchmarks.statistics.value_answers import score_values
from featurestore import registry
from tests.support.quick_regressors import construct, construct_seeded

REGRESSORS = registry.names("regressors")
BASELINES = [name for name in REGRESSORS if get_tags(construct(name)).regressor_tags.poor_score]
OTHERS = [name for name in REGRESSORS if name not in BASELINES]
LEARNING = {"check_regressors_train"}  # scikit-learn's check that asks for a score


def data(rows=120, scale=1.0, shift=0.0):
    """Draw rows whose columns tell three targets, the second on another scale."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 6))
    Y = X[:, :3] @ rng.normal(size=(3, 3)) + 0.2 * rng.normal(size=(rows, 3))
    return (X * [1, 1, 1, 1e-3, 1e3, 1]).astype(np.float32), shift + scale * Y * [1, 50, 1]


@functools.cache
def fit(name, time=0):
    """Fit a regressor with the same seed, once for all tests that only ask it. Another `time` is another fit."""
    return construct_seeded(name).fit(*data())


def save(regressor, folder):
    """Save a regressor, and return the content of each file by name."""
    folder.mkdir(exist_ok=True)
    regressor.save_weights(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@parametrize_with_checks([construct(name) for name in REGRESSORS])
def test_obeys_scikit_learn(estimator, check):
    if "epochs" in estimator.get_params() and check.func.__name__ not in LEARNING:
        estimator = clone(estimator).set_params(epochs=1)
    check(estimator)


@pytest.mark.parametrize("name", REGRESSORS)
def test_exports_its_class_alone_and_has_a_summary(name):
    assert len(registry.module("regressors", name).__all__) == 1
    assert registry.summary("regressors", name)


@pytest.mark.parametrize("name", REGRESSORS)
def test_settings_are_plain_and_those_to_search_are_its_own(name):
    kind = registry.load("regressors", name)
    assert all(isinstance(value, (int, float, str, tuple, type(None))) for value in kind().get_params().values())
    assert kind.SPACE.keys() <= kind().get_params().keys() - {"random_state"}
    assert bool(kind.SPACE) == (name in OTHERS)


@pytest.mark.parametrize("name", OTHERS)
def test_learns_targets_of_any_scale(name):
    X, Y = data(rows=400, scale=1e-4, shift=3.0)
    predicted = construct_seeded(name).fit(X[:300], Y[:300]).predict(X[300:])
    assert predicted.shape == (100, 3)
    assert score_values(Y[300:], predicted, "mean_concordance_correlation", ("a", "b", "c")) > 0.8


@pytest.mark.parametrize("name", REGRESSORS)
def test_targets_on_another_scale_give_the_same_answers_on_it(name):
    X, Y = data()
    scaled = construct_seeded(name).fit(X, 10 + 4 * Y).predict(X)
    np.testing.assert_allclose(scaled, 10 + 4 * fit(name).predict(X), rtol=1e-3, atol=0.05)


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_constant_target_is_predicted_as_it_is(name):
    X, Y = data()
    Y[:, 1] = 2.5
    predicted = construct_seeded(name).fit(X, Y).predict(X)
    assert np.isfinite(predicted).all()
    assert abs(predicted[:, 1] - 2.5).max() < 0.5


@pytest.mark.parametrize("name", REGRESSORS)
def test_the_same_seed_gives_the_same_answers_and_the_same_bytes(name, tmp_path):
    X, _ = data()
    first, second = fit(name), fit(name, time=1)
    assert np.array_equal(first.predict(X), second.predict(X))
    assert save(first, tmp_path / "first") == save(second, tmp_path / "second")


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("name", REGRESSORS)
def test_weights_come_back(name, targets, tmp_path):
    X, Y = data()
    saved = construct_seeded(name).fit(X, Y[:, :targets])
    files = save(saved, tmp_path)
    loaded = construct_seeded(name)
    loaded.n_targets_, loaded.n_features_in_ = targets, X.shape[1]
    loaded.load_weights(tmp_path)
    assert np.array_equal(loaded.predict(X), saved.predict(X))
    assert {name.rpartition(".")[2] for name in files} <= {"safetensors", "ubj", "skops"}


@pytest.mark.parametrize("name", REGRESSORS)
def test_weights_of_other_targets_are_refused(name, tmp_path):
    save(fit(name), tmp_path)
    loaded = construct_seeded(name)
    loaded.n_targets_, loaded.n_features_in_ = 2, 6
    with pytest.raises(ValueError, match=r"targets\.safetensors is not of 2 targets"):
        loaded.load_weights(tmp_path)


@pytest.mark.parametrize("name", OTHERS)
def test_weights_of_other_columns_are_refused(name, tmp_path):
    save(fit(name), tmp_path)
    loaded = construct_seeded(name)
    loaded.n_targets_, loaded.n_features_in_ = 3, 5
    with pytest.raises(ValueError, match=r"\d columns"):
        loaded.load_weights(tmp_path)


@pytest.mark.parametrize("name", REGRESSORS)
def test_values_that_are_not_finite_are_refused(name):
    X, Y = data()
    Y[3, 0] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        construct(name).fit(X, Y)
    with pytest.raises(ValueError, match="contains NaN"):
        fit(name).predict(np.full((2, 6), np.nan))


@pytest.mark.parametrize(
    ("name", "setting"), [("ridge", "alpha"), ("svr", "C"), ("xgb", "learning_rate"), ("mlp", "epochs")]
)
def test_a_setting_out_of_its_range_is_named(name, setting):
    with pytest.raises(ValueError, match=rf"{setting} == -1, must be >=? [01]"):
        construct(name, **{setting: -1}).fit(*data())
    with pytest.raises(ValueError, match=f"{setting} must be an instance of"):
        construct(name, **{setting: "much"}).fit(*data())


def test_there_is_a_baseline_and_it_predicts_the_mean_of_training():
    assert BASELINES == ["prior"]
    X, Y = data()
    np.testing.assert_allclose(fit("prior").predict(X), np.tile(Y.mean(0), (len(X), 1)))

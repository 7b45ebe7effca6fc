import pickle

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.utils.estimator_checks import parametrize_with_checks

from heads import UnusableEstimator
from heads.regressors import load_regressor
from heads.regressors.ridge import RidgeRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4))
Y = X[:, :2] * [1, 30] + 0.1 * RNG.normal(size=(80, 2))
FOREST = "sklearn.ensemble.RandomForestRegressor"
MACHINE = "sklearn.svm.SVR"


@parametrize_with_checks([load_regressor("sklearn.linear_model.LinearRegression")(), load_regressor(MACHINE)()])
def test_obeys_scikit_learn(estimator, check):
    check(estimator)


def test_its_parameters_and_its_answers_are_the_regressors_on_standardized_targets():
    found = load_regressor(FOREST)(n_estimators=5, random_state=0).fit(X, Y)
    scaler = StandardScaler().fit(Y)
    plain = RandomForestRegressor(n_estimators=5, random_state=0).fit(X, scaler.transform(Y))
    assert found.get_params() == plain.get_params()
    np.testing.assert_allclose(found.predict(X), scaler.inverse_transform(plain.predict(X)))


def test_a_regressor_of_one_target_is_fitted_to_each():
    found = load_regressor(MACHINE)(C=3.0).fit(X, Y)
    scaler = StandardScaler().fit(Y)
    plain = [SVR(C=3.0).fit(X, column).predict(X) for column in scaler.transform(Y).T]
    np.testing.assert_allclose(found.predict(X), scaler.inverse_transform(np.transpose(plain)))


@pytest.mark.parametrize("path", [FOREST, MACHINE])
def test_its_weights_come_back_and_only_as_the_same_regressor(path, tmp_path):
    saved = load_regressor(path)().fit(X, Y)
    saved.save_weights(tmp_path)
    for other, fits in ((path, True), ("sklearn.neighbors.KNeighborsRegressor", False)):
        loaded = load_regressor(other)()
        loaded.n_features_in_, loaded.n_targets_, loaded.trusted_types = 4, 2, saved.trusted_types
        if fits:
            loaded.load_weights(tmp_path)
            assert np.array_equal(loaded.predict(X), saved.predict(X))
        else:
            with pytest.raises(ValueError, match=r"regressor\.skops holds a \w+, not sklearn\.neighbors"):
                loaded.load_weights(tmp_path)


def test_it_can_be_pickled_and_one_of_another_module_is_taken_as_it_is():
    found = load_regressor(FOREST)(n_estimators=2, random_state=0).fit(X, Y)
    assert np.array_equal(pickle.loads(pickle.dumps(found)).predict(X), found.predict(X))  # noqa: S301
    assert load_regressor("heads.regressors.ridge.RidgeRegressor") is RidgeRegressor


@pytest.mark.parametrize(
    ("path", "what", "do"),
    [
        ("sklearn.svm.SVC", "sklearn.svm.SVC cannot be a regressor of --target: it is not a regressor", MACHINE),
        ("sklearn.ensemble.RandomForestRegresor", "no regressor at", FOREST),
        ("sklearn.multioutput.MultiOutputRegressor", "it cannot be constructed without arguments", "--plugin FILE"),
    ],
)
def test_a_path_to_no_regressor_says_what_is_close(path, what, do):
    with pytest.raises(UnusableEstimator) as caught:
        load_regressor(path)
    assert what in caught.value.what
    assert do in caught.value.do

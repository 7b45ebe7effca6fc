import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import heads
from heads import UnusableEstimator, _skops, load_head
from heads.svm import SVMHead

RNG = np.random.default_rng(0)
NAMES = np.array(["angry", "happy", "sad"])
Y = NAMES[np.arange(90) % 3]
X = (RNG.normal(size=(90, 4)) + 2 * (np.arange(90) % 3)[:, None]).astype(np.float32)
FOREST = "sklearn.ensemble.RandomForestClassifier"
RIDGE = "sklearn.linear_model.RidgeClassifier"
OBEDIENT = [
    load_head(FOREST)(n_estimators=5),
    load_head(RIDGE)(),
    load_head("sklearn.naive_bayes.GaussianNB")(),
]


@parametrize_with_checks(OBEDIENT)
def test_obeys_scikit_learn(estimator, check):
    check(estimator)


def test_its_parameters_and_its_answers_are_the_classifiers():
    head = load_head(FOREST)(n_estimators=7, random_state=3).fit(X, Y)
    plain = RandomForestClassifier(n_estimators=7, random_state=3).fit(X, Y)
    assert head.get_params() == plain.get_params()
    assert head.classes_.tolist() == NAMES.tolist()
    np.testing.assert_array_equal(head.predict_proba(X), plain.predict_proba(X))
    assert head.set_params(n_estimators=8).get_params()["n_estimators"] == 8


def test_scores_become_probabilities_without_changing_an_answer():
    head = load_head(RIDGE)().fit(X, Y)
    assert head.temperature_ > 0
    probabilities = head.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(head.predict(X), RidgeClassifier().fit(X, Y).predict(X))
    two = load_head(RIDGE)().fit(X[Y != "sad"], Y[Y != "sad"])
    assert two.predict_proba(X).shape == (90, 2)
    assert (two.predict(X[:1]) == Y[:1]).all()


def test_class_weights_are_by_class_name():
    weights = {"angry": 5.0, "happy": 1.0, "sad": 0.1}
    head = load_head("sklearn.linear_model.LogisticRegression")(class_weight=weights, C=0.01).fit(X, Y)
    assert (head.predict(X) == "angry").sum() > (head.predict(X) == "sad").sum()
    assert head.get_params()["class_weight"] is weights
    with pytest.raises(ValueError, match="class_weight names bored, and the classes are angry, happy, sad"):
        head.set_params(class_weight={"bored": 1}).fit(X, Y)


def test_an_error_of_the_classifier_is_a_value_error():
    with pytest.raises(ValueError, match="n_estimators"):
        load_head(FOREST)(n_estimators="many").fit(X, Y)
    with pytest.raises(ValueError, match="Negative values in data"):
        load_head("sklearn.naive_bayes.MultinomialNB")().fit(X - 10, Y)


@pytest.mark.parametrize(
    ("path", "types"),
    [
        (FOREST, ("sklearn.tree._tree.Tree",)),
        (RIDGE, ()),
        ("sklearn.ensemble.HistGradientBoostingClassifier", None),
        ("sklearn.neighbors.KNeighborsClassifier", None),
        ("sklearn.neural_network.MLPClassifier", None),
        ("sklearn.svm.SVC", ()),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_come_back_with_recorded_types_alone(path, types, tmp_path):
    head = load_head(path)()
    head.fit(X, Y).save_weights(tmp_path)
    assert types is None or head.trusted_types == types
    assert all(name.startswith("sklearn.") for name in head.trusted_types)
    assert [file.name for file in tmp_path.iterdir()] == ["classifier.skops"]
    loaded = load_head(path).from_params(head.get_params())
    loaded.classes_, loaded.n_features_in_ = NAMES, 4
    if head.trusted_types:
        with pytest.raises(ValueError, match="holds types that its bundle does not record: sklearn"):
            loaded.load_weights(tmp_path)
    loaded.trusted_types = head.trusted_types
    loaded.load_weights(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), head.predict_proba(X))


class Foreign(RandomForestClassifier):
    """A classifier that holds something of another package than its own."""

    def fit(self, X, y):
        self.extra_ = SVMHead()
        return super().fit(X, y)


class Unsaved(RandomForestClassifier):
    """A classifier that holds a function that no file can."""

    def fit(self, X, y):
        self.extra_ = (one for one in "generator")
        return super().fit(X, y)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Foreign", "holds types that are not classes of tests or sklearn: heads.svm.SVMHead"), ("Unsaved", "generator")],
)
def test_an_unsafe_classifier_is_not_saved(name, reason, tmp_path):
    head = load_head(f"{__name__}.{name}")(n_estimators=2).fit(X, Y)
    with pytest.raises(ValueError, match=f"{name} cannot be saved by skops: .*{reason}"):
        head.save_weights(tmp_path)


@pytest.mark.parametrize("values", [{"model_": RidgeClassifier().fit(X, Y), "temperature_": None}, {"other": 1}, [1]])
def test_a_file_of_another_classifier_raises(values, tmp_path):
    if isinstance(values, dict):
        _skops.save(values, tmp_path / "classifier.skops")
    else:
        (tmp_path / "classifier.skops").write_bytes(_skops.skops.io.dumps(values))
    head = load_head(FOREST)()
    with pytest.raises(ValueError, match=r"classifier.skops (holds a RidgeClassifier, not|does not hold model_)"):
        head.load_weights(tmp_path)


def test_a_file_that_names_a_function_raises(tmp_path):
    """`os.system` would be a type of another package, even where a bundle records it."""
    import os

    (tmp_path / "classifier.skops").write_bytes(_skops.skops.io.dumps({"model_": os.system, "temperature_": None}))
    head = load_head(FOREST)()
    head.trusted_types = ("posix.system",)
    with pytest.raises(ValueError, match="holds types that are not classes of sklearn: posix.system"):
        head.load_weights(tmp_path)


def test_the_tags_are_the_classifiers():
    assert load_head("sklearn.dummy.DummyClassifier")().__sklearn_tags__().classifier_tags.poor_score
    assert not load_head(FOREST)().__sklearn_tags__().classifier_tags.poor_score


def test_it_can_be_searched_and_pickled():
    kind = load_head(FOREST)
    found = GridSearchCV(kind(random_state=0), {"n_estimators": [1, 3]}, cv=2).fit(X, Y)
    best = found.best_estimator_
    again = pickle.loads(pickle.dumps(best))  # noqa: S301
    assert type(again) is kind
    np.testing.assert_array_equal(again.predict_proba(X), best.predict_proba(X))


def test_a_head_of_another_module_is_taken_as_it_is():
    assert load_head("heads.svm.SVMHead") is SVMHead


@pytest.mark.parametrize(
    ("path", "got", "do"),
    [
        ("sklearn.ensemble.RandomForestClasifier", "sklearn.ensemble has no class RandomForestClasifier", FOREST),
        ("sklearn.RandomForestClassifier", "sklearn has no class RandomForestClassifier", FOREST),
        ("sklern.ensemble.RandomForestClassifier", "ModuleNotFoundError: No module named 'sklern'", FOREST),
        ("sklearn.linear_model.Ridge", "regressor", RIDGE),
        ("sklearn.ensemble.RandomForestRegressor", "regressor", FOREST),
        ("sklearn.preprocessing.StandardScaler", "a class that does not fit and predict", "cli list heads"),
        ("no_such_package.Xyz", "No module named 'no_such_package'", "install the package that provides no_such_"),
        ("sklearn..svm", "not a dotted path", "check the spelling"),
        ("sklearn.ensemble.VotingClassifier", "missing 1 required positional argument: 'estimators'", "--plugin FILE"),
    ],
)
def test_a_path_to_no_classifier_says_what_is_there_and_what_is_close(path, got, do):
    with pytest.raises(UnusableEstimator) as caught:
        load_head(path)
    what, expected, said, advice = str(caught.value).splitlines()
    assert path in what
    assert expected.startswith("  expected: ")
    assert said.startswith("  got: ")
    assert got in said
    assert advice.startswith("  do: ")
    assert do in advice


LGBM = '''
from sklearn.ensemble import RandomForestClassifier


class LGBMClassifier(RandomForestClassifier):
    """Stands in for lightgbm's."""

    def __init__(self, n_estimators=4, random_state=None):
        super().__init__(n_estimators, random_state=random_state)
'''


def test_a_classifier_of_another_package(tmp_path, monkeypatch):
    (tmp_path / "lightgbm.py").write_text(LGBM)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "lightgbm", raising=False)
    head = load_head("lightgbm.LGBMClassifier")(n_estimators=3, random_state=0).fit(X, Y)
    assert head.predict_proba(X).shape == (90, 3)
    head.save_weights(tmp_path)
    assert head.trusted_types == ("lightgbm.LGBMClassifier", "sklearn.tree._tree.Tree")


def test_the_heads_of_the_package_are_loaded_by_name():
    assert {"logistic", "mlp", "prior", "svm", "xgb"} <= set(heads.list_heads())
    assert load_head("svm") is SVMHead
    with pytest.raises(LookupError, match="unknown head 'swm'\n  expected: one of .*logistic, "):
        load_head("swm")


def test_the_package_is_light():
    code = "import sys, heads; heads.list_heads(); print({'numpy', 'sklearn', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"

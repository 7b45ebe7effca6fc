import numpy as np
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from heads import svm
from heads._base import draw_seed
from heads.svm import SVMHead

NAMES = np.array(["angry", "happy", "sad", "neutral"])


def data(classes=4, rows=300, apart=0.8):
    X, y = make_classification(
        rows, 12, n_informative=8, n_classes=classes, flip_y=0.2, class_sep=apart, random_state=0
    )
    return X * np.logspace(-3, 3, 12), NAMES[y]


@pytest.mark.parametrize("classes", [2, 4])
def test_it_is_scikit_learns_machine_with_its_calibration(classes):
    X, y = data(classes)
    head = SVMHead(C=2.0, gamma="scale", random_state=0).fit(X, y)
    Z = StandardScaler().fit_transform(X)
    folds = StratifiedKFold(3, shuffle=True, random_state=draw_seed(0))
    plain = CalibratedClassifierCV(SVC(C=2.0), method="temperature", cv=folds, ensemble=False).fit(Z, y)
    # the plain one sets gamma="scale" anew in each calibration fold, hence the tolerance
    np.testing.assert_allclose(head.predict_proba(X), plain.predict_proba(Z), atol=2e-3)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("numbers", [[0, 1, 2, 3], [1, 2, 3, 4], [7, 20, 300, 4000]])
def test_classes_may_be_any_numbers(classes, numbers):
    X, y = data(classes)
    named = SVMHead(random_state=0).fit(X, y)
    order = dict(zip(sorted(NAMES[:classes]), numbers, strict=False))
    numbered = SVMHead(random_state=0).fit(X, np.array([order[name] for name in y]))
    assert numbered.temperature_ == named.temperature_
    np.testing.assert_array_equal(numbered.predict_proba(X), named.predict_proba(X))


@pytest.mark.parametrize("C", [1.0, 3.0])
@pytest.mark.parametrize("rows", [100, 300])
def test_the_answer_is_that_of_the_highest_score_which_is_the_most_probable_class(C, rows):
    X, y = data(apart=0.3)
    head = SVMHead(C=C, gamma="scale", random_state=0).fit(X[:rows], y[:rows])
    by_score, by_votes = (
        make_pipeline(StandardScaler(), SVC(C=C, break_ties=ties)).fit(X[:rows], y[:rows]).predict(X)
        for ties in (True, False)
    )
    assert (head.predict(X) == by_score).all()
    assert (head.predict(X) == head.classes_[head.predict_proba(X).argmax(1)]).all()
    assert (by_votes != by_score).any()  # so the two rules are told apart here


def test_the_settings_of_the_defaults():
    X, y = data()
    head, scale = (SVMHead(random_state=0, **params).fit(X, y) for params in ({}, {"gamma": "scale"}))
    assert (head.C, head.gamma, head.gamma_factor) == (3.0, "wide", 1.0)
    assert head.gamma_ == pytest.approx(0.3 * scale.gamma_, rel=1e-12)
    plain = make_pipeline(StandardScaler(), SVC(C=3.0, gamma=0.3 / 12, break_ties=True)).fit(X, y)
    assert (head.predict(X) == plain.predict(X)).all()


@pytest.mark.parametrize("gamma", ["wide", "scale", "auto", 0.02])
def test_a_factor_narrows_or_widens_whatever_gamma_is(gamma):
    X, y = data()
    scaled = SVMHead(gamma=gamma, gamma_factor=0.25, random_state=0).fit(X, y)
    plain = SVMHead(gamma=scaled.gamma_, random_state=0).fit(X, y)
    assert scaled.gamma_ == SVMHead(gamma=gamma, random_state=0).fit(X, y).gamma_ / 4
    assert (scaled.predict_proba(X) == plain.predict_proba(X)).all()


def test_many_rows_go_row_by_row_with_the_same_answers(monkeypatch):
    X, y = data()
    at_once = SVMHead(random_state=0).fit(X, y)
    monkeypatch.setattr(svm, "_KERNEL_ROWS", 0)
    row_by_row = SVMHead(approximate=False, random_state=0).fit(X, y)
    assert (at_once.machine_.kernel, row_by_row.machine_.kernel) == ("precomputed", "rbf")
    np.testing.assert_allclose(at_once.predict_proba(X), row_by_row.predict_proba(X), atol=1e-4)  # float32


def test_calibrated_probabilities_fit_unseen_rows_better_than_the_bare_scores():
    X, y = data(rows=600)
    head = SVMHead(C=10.0, random_state=0).fit(X[:300], y[:300])
    calibrated = log_loss(y[300:], head.predict_proba(X[300:]))
    head.temperature_ = 1.0
    assert calibrated < log_loss(y[300:], head.predict_proba(X[300:]))


@pytest.mark.parametrize("members", [1, 2])
def test_a_tiny_class_is_learned_without_being_calibrated(members):
    X, y = data()
    rows = np.r_[np.flatnonzero(y != "sad"), np.flatnonzero(y == "sad")[:members]]
    head = SVMHead(random_state=0).fit(X[rows], y[rows])
    assert head.classes_.tolist() == ["angry", "happy", "neutral", "sad"]
    assert head.predict_proba(X).shape == (300, 4)
    assert head.temperature_ != 1.0


def test_nothing_to_calibrate_on_leaves_the_scores():
    head = SVMHead().fit([[0.0], [1.0], [2.0]], ["sad", "happy", "angry"])
    assert head.temperature_ == 1.0
    np.testing.assert_allclose(head.predict_proba([[0.5]]).sum(), 1.0)


def test_what_is_saved_answers_as_before_and_plain_skops_files_are_read(tmp_path):
    X, y = data()
    head = SVMHead(random_state=0).fit(X, y)
    head.save_weights(tmp_path)
    plain = {name: getattr(head, name) for name in svm._LEARNED}
    for write in (lambda: None, lambda: skops.io.dump(plain, tmp_path / "svm.skops")):
        write()
        loaded = SVMHead()
        loaded.classes_, loaded.n_features_in_ = head.classes_, head.n_features_in_
        loaded.load_weights(tmp_path)
        np.testing.assert_array_equal(loaded.predict_proba(X), head.predict_proba(X))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"C": 0}, "C must be a number above 0, got 0"),
        ({"C": True}, "C must be a number above 0, got True"),
        ({"gamma": "small"}, "gamma must be one of 'wide', 'scale', 'auto', got 'small'"),
        ({"gamma": -1}, "gamma must be a number above 0, got -1"),
        ({"gamma_factor": 0}, "gamma_factor must be a number above 0, got 0"),
        ({"calibration_folds": 1}, "calibration_folds must be an integer of at least 2, got 1"),
    ],
)
def test_parameters_out_of_range_raise(params, message):
    with pytest.raises(ValueError, match=message):
        SVMHead(**params).fit(*data())

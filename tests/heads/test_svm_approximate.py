"""The approximate machine against the plain computation of the same, and against the exact machine."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from heads import _approximate_svm, _rbf_kernel, svm
from heads._base import draw_seed
from heads._calibration import choose_temperature
from heads._rbf_kernel import compute_kernel, standardize
from heads._streamed import StreamedMatrix
from heads.svm import SVMHead
from tests.heads.test_svm import data


@pytest.mark.parametrize("weight", [None, "balanced", {"angry": 2.0, "happy": 1.0, "sad": 0.5, "neutral": 3.0}])
@pytest.mark.parametrize("batch", [70, 4096])
def test_scores_are_those_of_ridge_regression_on_kernels_of_landmarks(weight, batch, monkeypatch):
    monkeypatch.setattr(_approximate_svm, "_BATCH", batch)
    X, y = data()
    y = np.where(np.arange(300) % 3 == 0, "angry", y)
    head = SVMHead(approximate=40, class_weight=weight, C=2.0, random_state=0).fit(X, y)
    Z = StandardScaler().fit_transform(X)
    among = rbf_kernel(head.landmarks_, gamma=head.gamma_)
    root = np.linalg.inv(np.linalg.cholesky(among + 1e-12 * np.eye(40))).T
    columns = rbf_kernel(Z, head.landmarks_, gamma=head.gamma_) @ root
    targets = 2.0 * (y[:, None] == head.classes_) - 1
    plain = Ridge(alpha=1 / 2.0).fit(columns, targets, sample_weight=compute_sample_weight(weight, y))
    np.testing.assert_allclose(head._compute_scores(X), plain.predict(columns), atol=1e-4)
    assert head.landmarks_.shape == (40, 12)
    assert (np.abs(Z[:, None] - head.landmarks_).max(2).min(0) < 1e-6).all()  # each is a training row


def test_with_every_row_a_landmark_it_is_kernel_ridge_regression():
    X, y = data(2, rows=120)
    head = SVMHead(approximate=True, C=0.5, random_state=0).fit(X, y)
    Z = StandardScaler().fit_transform(X)
    targets = 2.0 * (y[:, None] == head.classes_) - 1
    scores = head._compute_scores(X)
    centred = targets - head.intercept_
    plain = KernelRidge(alpha=1 / 0.5, kernel="rbf", gamma=head.gamma_).fit(Z, centred)
    np.testing.assert_allclose(scores - head.intercept_, plain.predict(Z), atol=1e-3)


def test_the_approximation_recalls_about_as_much_of_unseen_rows_as_the_exact_machine():
    X, y = data(rows=900, apart=1.2)
    exact, approximate = (
        balanced_accuracy_score(
            y[600:], SVMHead(approximate=how, random_state=0).fit(X[:600], y[:600]).predict(X[600:])
        )
        for how in (False, 200)
    )
    assert exact > 0.5
    assert approximate > exact - 0.03


def test_it_is_approximated_above_the_size_and_says_so(monkeypatch):
    X, y = data()
    assert SVMHead().fit(X, y).describe_approximation() == ""
    monkeypatch.setattr(svm, "_KERNEL_ROWS", 299)
    monkeypatch.setattr(svm, "_COMPONENTS", 50)
    said = "Nystroem with 50 components and a least-squares machine, because 300 rows > 299"
    assert SVMHead().fit(X, y).describe_approximation() == said
    assert SVMHead(approximate=30).fit(X, y).describe_approximation().startswith("Nystroem with 30 components")
    assert SVMHead(approximate=True).fit(X, y).describe_approximation().endswith("because approximate was set")
    assert SVMHead(approximate=False).fit(X, y).describe_approximation() == ""


def test_a_head_that_is_fitted_again_forgets_its_approximation():
    X, y = data()
    head = SVMHead(approximate=30, random_state=0).fit(X, y)
    again = head.set_params(approximate=False).fit(X, y)
    assert again.describe_approximation() == ""
    plain = SVMHead(approximate=False, random_state=0).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 20.0])
def test_the_temperature_is_scikit_learns(sharpness):
    random = np.random.default_rng(0)
    codes = np.arange(300) % 3
    scores = sharpness * (np.eye(3)[codes] + random.normal(size=(300, 3)))
    passing = LogisticRegression().fit(np.eye(3), np.arange(3))
    passing.coef_, passing.intercept_ = np.eye(3), np.zeros(3)  # returns the scores themselves
    plain = CalibratedClassifierCV(FrozenEstimator(passing), method="temperature").fit(scores, codes)
    (pair, *_) = plain.calibrated_classifiers_
    assert choose_temperature(scores, codes) == pytest.approx(float(1 / pair.calibrators[0].beta_), rel=1e-3)


@pytest.mark.parametrize("members", [1, 2])
def test_a_tiny_class_is_learned_without_being_calibrated(members):
    X, y = data()
    rows = np.r_[np.flatnonzero(y != "sad"), np.flatnonzero(y == "sad")[:members]]
    head = SVMHead(approximate=50, random_state=0).fit(X[rows], y[rows])
    assert head.predict_proba(X).shape == (300, 4)
    assert head.temperature_ != 1.0
    alone = SVMHead(approximate=50).fit([[0.0], [1.0], [2.0]], ["sad", "happy", "angry"])
    assert alone.temperature_ == 1.0
    np.testing.assert_allclose(alone.predict_proba([[0.5]]).sum(), 1.0)


def test_the_temperature_is_chosen_on_out_of_fold_rows(monkeypatch):
    X, y = data()
    head = SVMHead(approximate=300, C=100.0, gamma_factor=30.0, random_state=0).fit(X, y)  # learns its rows by heart
    in_fold = choose_temperature(head._compute_scores(X), np.unique(y, return_inverse=True)[1])
    assert head.temperature_ > 2 * in_fold
    monkeypatch.setattr(_approximate_svm, "_CALIBRATED", 150)
    sampled = SVMHead(approximate=300, C=100.0, gamma_factor=30.0, random_state=0).fit(X, y)
    assert sampled.temperature_ == pytest.approx(head.temperature_, rel=0.5)
    assert sampled.temperature_ != head.temperature_


def test_the_temperature_is_that_of_machines_that_never_saw_the_labels_of_a_row():
    X, y = data()
    head = SVMHead(approximate=40, C=2.0, calibration_folds=4, random_state=0).fit(X, y)
    kernel = rbf_kernel(StandardScaler().fit_transform(X), head.landmarks_, gamma=head.gamma_)
    among = rbf_kernel(head.landmarks_, gamma=head.gamma_)
    columns = kernel @ np.linalg.inv(np.linalg.cholesky(among + 1e-12 * np.eye(40))).T
    targets = 2.0 * (y[:, None] == head.classes_) - 1
    folds = StratifiedKFold(4, shuffle=True, random_state=draw_seed(0))
    scores = cross_val_predict(Ridge(alpha=1 / 2.0), columns, targets, cv=folds.split(X, y))
    codes = np.unique(y, return_inverse=True)[1]
    assert head.temperature_ == pytest.approx(choose_temperature(scores, codes), rel=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_saved_answers_as_before(dtype, tmp_path):
    X, y = data()
    head = SVMHead(approximate=50, random_state=0).fit(X.astype(dtype), y)
    head.save_weights(tmp_path)
    loaded = SVMHead(approximate=50)
    loaded.classes_, loaded.n_features_in_ = head.classes_, head.n_features_in_
    loaded.load_weights(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), head.predict_proba(X))
    assert loaded.describe_approximation() == head.describe_approximation()


@pytest.mark.parametrize("approximate", ["auto", 50])
def test_rows_that_are_read_in_batches_give_the_same(approximate, monkeypatch):
    X, y = data()
    streamed = StreamedMatrix(lambda rows: X[rows], X.shape, X.dtype)
    monkeypatch.setattr(_approximate_svm, "_BATCH", 70)
    found, plain = (SVMHead(approximate=approximate, random_state=0).fit(one, y) for one in (streamed, X))
    np.testing.assert_array_equal(found.predict_proba(streamed), plain.predict_proba(X))
    shared = SVMHead.share(streamed)
    np.testing.assert_array_equal(shared.squared, SVMHead.share(X).squared)


def test_a_machine_of_an_earlier_version_answers():
    X, y = data()
    head = SVMHead(random_state=0).fit(X, y)
    expected = head.predict_proba(X)
    for name in ("approximate", "landmarks_", "weights_", "intercept_", "rows_"):
        delattr(head, name)  # as in a file of stacked machines
    np.testing.assert_array_equal(head.predict_proba(X), expected)
    assert head.describe_approximation() == ""
    assert head.get_params()["approximate"] == "auto"


@pytest.mark.parametrize("value", ["yes", 1, 0, 2.5, None])
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match="approximate must be "):
        SVMHead(approximate=value).fit(*data())


@pytest.mark.parametrize("wide", [1.0, 3e4])
def test_the_kernel_is_scikit_learns_and_of_large_rows_in_float64(wide):
    X = np.random.default_rng(0).normal(size=(300, 20)) * wide
    plain = rbf_kernel(X, X[:7], gamma=0.05 / wide)
    np.testing.assert_allclose(compute_kernel(X, X[:7], 0.05 / wide), plain, atol=2e-7 if wide == 1 else 1e-12)


@pytest.mark.parametrize("columns", [4, 1548])
def test_float32_distances_change_the_kernel_less_than_the_solver_stops_at(columns):
    X = np.random.default_rng(0).normal(3, 1, size=(200, columns)).astype(np.float32)
    near = X + np.random.default_rng(1).normal(0, 1e-3, X.shape).astype(np.float32)
    largest = max(float((one.astype(np.float64) ** 2).sum(1).max()) for one in (X, near))
    gamma = 0.99 * _rbf_kernel._TOLERANCE / (_rbf_kernel._ROUNDING * largest * np.finfo(np.float32).eps)
    assert _rbf_kernel._is_exact_in_float32(X, near, gamma)
    plain = rbf_kernel(X.astype(np.float64), near.astype(np.float64), gamma=gamma)
    np.testing.assert_allclose(compute_kernel(X, near, gamma), plain, atol=1e-3)
    assert not _rbf_kernel._is_exact_in_float32(X, near, gamma * 1.1)


def test_shared_distances_give_the_same_kernel_bit_by_bit(monkeypatch):
    X, _ = data()
    shared = standardize(X.astype(np.float32), with_distances=True)
    alone = compute_kernel(shared.Z, shared.Z, 0.05)
    with monkeypatch.context() as patched:
        patched.setattr(_rbf_kernel, "_iterate_distances", None)  # not computed again
        np.testing.assert_array_equal(compute_kernel(shared.Z, shared.Z, 0.05, shared=shared), alone)

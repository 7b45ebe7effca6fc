import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from benchmarks.evaluation.baselines import is_baseline
from featurestore import registry
from tests.support.quick_heads import construct, construct_seeded

HEADS = registry.names("heads")
ROOT = Path(__file__).parents[2]
NAMES = np.array(["angry", "happy", "neutral", "sad"])
# scikit-learn's checks that ask for an accuracy, for every class or for the effect of a class's weight
LEARNING = {"check_class_weight_classifiers", "check_classifiers_classes", "check_classifiers_train"}


BASELINES = [head for head in HEADS if get_tags(construct(head)).classifier_tags.poor_score]
OTHERS = [head for head in HEADS if head not in BASELINES]


def data(rows=120, widths=(5, 3), scales=(1.0, 1.0)):
    """Draw two blocks of columns that tell the classes apart, each at its own scale."""
    rng = np.random.default_rng(0)
    codes = np.arange(rows) % len(NAMES)
    centres = [rng.normal(size=(len(NAMES), width)) * 2 for width in widths]
    blocks = [
        scale * (centre[codes] + rng.normal(size=(rows, width)))
        for centre, width, scale in zip(centres, widths, scales, strict=True)
    ]
    return np.hstack(blocks).astype(np.float32), NAMES[codes]


@functools.cache
def fit(head, time=0):
    """Fit a head with the same seed, once for all tests that only ask it. Another `time` is another fit."""
    return construct_seeded(head).fit(*data())


def save(estimator, folder):
    """Save a head, and return the content of each file by name."""
    folder.mkdir(exist_ok=True)
    estimator.save_weights(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def asks_what_was_learned(check):
    """Return whether one of scikit-learn's checks needs predictions better than those of a barely fitted network."""
    return check.func.__name__ in LEARNING


@parametrize_with_checks([construct(head) for head in HEADS])
def test_obeys_scikit_learn(estimator, check):
    if "epochs" in estimator.get_params():
        estimator = clone(estimator).set_params(epochs=4 if asks_what_was_learned(check) else 1)
    check(estimator)


def test_checks_of_what_was_learned_are_scikit_learns():
    assert all(hasattr(estimator_checks, name) for name in LEARNING)


@pytest.mark.parametrize("head", HEADS)
def test_exports_its_class_alone_and_has_a_summary(head):
    assert len(registry.module("heads", head).__all__) == 1
    assert registry.summary("heads", head)


@pytest.mark.parametrize("head", HEADS)
def test_defaults_are_plain_values(head):
    for value in registry.load("heads", head)().get_params().values():
        assert isinstance(value, (int, float, str, tuple, type(None)))


@pytest.mark.parametrize("head", HEADS)
def test_the_settings_to_search_are_its_own_and_plain(head):
    space = registry.load("heads", head).SPACE
    assert space.keys() <= registry.load("heads", head)().get_params().keys()
    assert "random_state" not in space
    assert bool(space) == (head in OTHERS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("head", HEADS)
def test_probabilities_are_of_the_classes_and_sum_to_1(head, dtype):
    X, y = data()
    estimator = fit(head) if dtype is np.float32 else construct_seeded(head).fit(X.astype(dtype), y)
    probabilities = estimator.predict_proba(X.astype(dtype))
    assert estimator.classes_.tolist() == NAMES.tolist()
    assert probabilities.shape == (120, 4)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    assert (estimator.predict(X.astype(dtype)) == NAMES[probabilities.argmax(1)]).all()


@pytest.mark.parametrize("head", HEADS)
def test_classes_may_be_any_numbers(head):
    X, y = data()
    numbered = construct_seeded(head).fit(X, np.searchsorted(NAMES, y) * 3 + 2)  # 2, 5, 8, 11
    assert numbered.classes_.tolist() == [2, 5, 8, 11]
    assert np.array_equal(numbered.predict_proba(X), fit(head).predict_proba(X))


@pytest.mark.parametrize("head", HEADS)
def test_the_same_seed_gives_the_same_head_and_the_same_bytes(head, tmp_path):
    X, _ = data()
    first, second = fit(head), fit(head, time=1)
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    assert save(first, tmp_path / "first") == save(second, tmp_path / "second")


@pytest.mark.parametrize("head", OTHERS)
def test_blocks_of_different_scale_are_learned_from(head):
    X, y = data(rows=500, scales=(1e-3, 1e4))
    assert construct_seeded(head).fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.8


@pytest.mark.parametrize("head", HEADS)
def test_weights_come_back(head, tmp_path):
    X, _ = data()
    saved = fit(head)
    files = save(saved, tmp_path)
    loaded = construct_seeded(head)
    loaded.classes_, loaded.n_features_in_ = NAMES, X.shape[1]
    loaded.load_weights(tmp_path)
    assert np.array_equal(loaded.predict_proba(X), saved.predict_proba(X))
    assert {Path(name).suffix for name in files} <= {".safetensors", ".ubj", ".skops"}


def test_is_baseline_agrees_with_the_tag_without_importing_the_head():
    assert [head for head in HEADS if is_baseline(head)] == BASELINES


def test_there_is_a_baseline():
    assert BASELINES


@pytest.mark.parametrize("head", BASELINES)
def test_a_baseline_does_not_look_at_the_features(head):
    X, y = data()
    first, second = (construct_seeded(head).fit(X, y).predict_proba(rows) for rows in (X, X[::-1]))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("head", OTHERS)
def test_one_class_raises(head):
    with pytest.raises(ValueError, match=r"needs at least 2 classes, got 1 class: 'sad'$"):
        construct(head).fit(np.ones((4, 2)), ["sad"] * 4)


SAVE = """
import sys
from pathlib import Path
from tests.contracts.test_heads import fit, save

ballast = [object() for _ in range(10_000)]  # so that objects lie at other addresses
for head in sys.argv[2:]:
    save(fit(head), Path(sys.argv[1], head))
"""


@pytest.fixture(scope="module")
def saved_elsewhere(request, tmp_path_factory):
    """Save the heads that are tested in a folder, fitted by another process."""
    tested = [item.callspec.params["head"] for item in request.session.items if "saved_elsewhere" in item.fixturenames]
    folder = tmp_path_factory.mktemp("saved")
    command = [sys.executable, "-c", SAVE, folder, *tested]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "1"}, check=True)
    return folder


@pytest.mark.parametrize("head", HEADS)
def test_every_process_saves_the_same_head_as_the_same_bytes(head, saved_elsewhere, tmp_path):
    files = {path.name: path.read_bytes() for path in (saved_elsewhere / head).iterdir()}
    assert files
    assert files == save(fit(head), tmp_path)

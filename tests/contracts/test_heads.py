import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from benchmarks.evaluation.baselines import is_baseline
from featurestore import registry
from tests.support.quick_heads import construct, construct_seeded

HEADS = registry.names("heads")
ROOT = Path(__file__).parents[2]
NAMES = np.array(["angry", "happy", "neutral", "sad"])


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


@parametrize_with_checks([construct(head) for head in HEADS])
def test_obeys_scikit_learn(estimator, check):
    check(estimator)


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
    estimator = construct_seeded(head).fit(X.astype(dtype), y)
    probabilities = estimator.predict_proba(X.astype(dtype))
    assert estimator.classes_.tolist() == NAMES.tolist()
    assert probabilities.shape == (120, 4)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    assert (estimator.predict(X.astype(dtype)) == NAMES[probabilities.argmax(1)]).all()


@pytest.mark.parametrize("head", HEADS)
def test_the_same_seed_gives_the_same_head(head):
    X, y = data()
    first, second = (construct_seeded(head, 7).fit(X, y).predict_proba(X) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("head", OTHERS)
def test_blocks_of_different_scale_are_learned_from(head):
    X, y = data(rows=500, scales=(1e-3, 1e4))
    assert construct_seeded(head).fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.8


@pytest.mark.parametrize("head", HEADS)
def test_weights_come_back(head, tmp_path):
    X, y = data()
    saved = construct_seeded(head).fit(X, y)
    saved.save_weights(tmp_path)
    loaded = construct_seeded(head)
    loaded.classes_, loaded.n_features_in_ = NAMES, X.shape[1]
    loaded.load_weights(tmp_path)
    assert np.array_equal(loaded.predict_proba(X), saved.predict_proba(X))
    assert {path.suffix for path in tmp_path.iterdir()} <= {".safetensors", ".ubj", ".skops"}


@pytest.mark.parametrize("head", HEADS)
def test_the_same_fit_is_saved_as_the_same_bytes(head, tmp_path):
    X, y = data()
    saved = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        construct_seeded(head).fit(X, y).save_weights(folder)
        saved.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert saved[0] == saved[1]


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
from tests.contracts.test_heads import data
from tests.support.quick_heads import construct_seeded

ballast = [object() for _ in range(int(sys.argv[2]))]  # so that objects lie at other addresses
for head in sys.argv[3:]:
    folder = Path(sys.argv[1], head)
    folder.mkdir(parents=True)
    construct_seeded(head).fit(*data()).save_weights(folder)
"""


@pytest.fixture(scope="module")
def saved_twice(request, tmp_path_factory):
    """Save the heads that are tested in two folders, fitted alike by two processes."""
    tested = [item.callspec.params["head"] for item in request.session.items if "saved_twice" in item.fixturenames]
    folders = [tmp_path_factory.mktemp("saved") / str(number) for number in range(2)]
    for number, folder in enumerate(folders):
        command = [sys.executable, "-c", SAVE, folder, str(10_000 * number), *tested]
        subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": str(number)}, check=True)
    return folders


@pytest.mark.parametrize("head", HEADS)
def test_every_process_saves_the_same_head_as_the_same_bytes(head, saved_twice):
    first, second = ({file.name: file.read_bytes() for file in (folder / head).iterdir()} for folder in saved_twice)
    assert first == second
    assert first

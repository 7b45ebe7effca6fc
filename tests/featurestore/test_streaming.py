"""Features that are read a batch of rows at a time, against the matrix of the store."""

import numpy as np
import pytest

from benchmarks.speed import _corpus
from featurestore.errors import UnknownName
from featurestore.manifest import Utterance
from featurestore.store import Store
from featurestore.streaming import stream
from heads import load_head
from tests.support import tiny

FEATURES = ["audio.mean", "text.layers[1]", "text.logits"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store of two encoders with 60 utterances."""
    folder = tmp_path_factory.mktemp("streaming")
    found = tiny.store(
        folder / "store", [Utterance(f"u{row}", text="w", label="ab"[row % 2]) for row in range(60)], folder
    )
    draw = np.random.default_rng(0).normal
    columns = {"mean": draw(size=(60, 4)), "layers": draw(size=(60, 2, 3)), "logits": draw(size=(60, 2))}
    for encoder in ("audio", "text"):
        _corpus.write_features(
            found, encoder, {name: (one + len(encoder)).astype("f4") for name, one in columns.items()}
        )
    return Store(found.path)


def test_rows_are_those_of_the_matrix(store):
    ids = [f"u{row}" for row in np.random.default_rng(1).permutation(60)[:41]]
    X, expected = stream(store, FEATURES, ids), store.matrix(FEATURES, ids)[0]
    assert (X.shape, X.dtype) == (expected.shape, expected.dtype)
    assert np.array_equal(X[:], expected)
    assert np.array_equal(X[[40, 2, 2]], expected[[40, 2, 2]])
    assert X[:0].shape == (0, 9)
    assert np.array_equal(np.concatenate([rows for _, rows in X.iterate(50)]), expected)


def test_a_head_is_fitted_to_them(store):
    ids = store.available(FEATURES)
    y = [row.label for row in store.utterances]
    X = stream(store, FEATURES, ids)
    found = load_head("logistic")().fit(X, y)
    expected = load_head("logistic")().fit(store.matrix(FEATURES, ids)[0], y)
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X[:]), atol=1e-5)


def test_an_utterance_without_features_is_named(store):
    with pytest.raises(UnknownName, match="1 of 2 utterances have no audio.mean: nobody"):
        stream(store, FEATURES, ["u1", "nobody"])

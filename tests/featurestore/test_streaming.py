"""Features that are read a batch of rows at a time, against the matrix of the store."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import data, lists, sampled_from

from benchmarks.evaluation.pair import Pair
from benchmarks.speed import _corpus
from featurestore.errors import BadValue, UnknownName
from featurestore.manifest import Utterance
from featurestore.shards.cut_store import cut_store
from featurestore.store import Store
from featurestore.streaming import stream
from heads import load_head
from tests.featurestore.shards import stores
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


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Return a store in which each encoder failed on some utterances, and the same store cut into shards."""
    return stores.cut(tmp_path_factory.mktemp("cut"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory, both):
    """Return two stores, the second with other ids and cut into shards."""
    rows = [replace(row, id=f"v{row.id}") for row in stores.list_rows()]
    single = stores.write_store(tmp_path_factory.mktemp("second") / "store", rows)
    cut_store(single.path, single.path.with_name("cut"), 3, say=lambda line: None)
    return Pair(both[0], Store(single.path.with_name("cut")))


@given(chosen=lists(sampled_from([1, 2, 3, 5, 6, 8, 9, 10]), max_size=12), data=data())
@settings(max_examples=30, deadline=None)
def test_rows_of_every_source_are_those_of_its_matrix(both, pair, chosen, data):
    features = ["text.mean", "audio.layers[1]"]
    for source, prefix in ((both[0], ""), (both[1], ""), (pair, "trained:"), (pair, "tested:v")):
        ids = [f"{prefix}{stores.name(number)}" for number in chosen]
        X, expected = stream(source, features, ids), source.matrix(features, ids)[0]
        lines = data.draw(lists(sampled_from(range(len(ids))))) if ids else []
        np.testing.assert_array_equal(X[:], expected)
        np.testing.assert_array_equal(X[np.array(lines, int)], expected[lines])


def test_both_sides_of_a_pair_are_read_in_one_batch(pair):
    ids = ["tested:vu03", "trained:u01", "tested:vu09", "trained:u03"]
    np.testing.assert_array_equal(stream(pair, ["text.mean"], ids)[:], pair.matrix(["text.mean"], ids)[0])
    assert [pair.utterances[row].id for row in pair.rows(ids)] == ids
    with pytest.raises(UnknownName, match="1 of 2 utterances are not in .*: nobody"):
        stream(pair, ["text.mean"], ["trained:u01", "nobody"])


@pytest.mark.parametrize("number", [0, 1])
def test_an_utterance_without_features_is_named_before_anything_is_read(both, number):
    with pytest.raises(UnknownName, match="1 of 2 utterances are not in .*: nobody"):
        stream(both[number], ["audio.mean"], ["u01", "nobody"])
    with pytest.raises(UnknownName, match="2 of 3 utterances have no audio.mean: u07, u00\n  got: u07: silent"):
        stream(both[number], ["text.mean", "audio.mean"], ["u01", "u07", "u00"])
    with pytest.raises(BadValue, match="features is a text"):
        stream(both[number], "audio.mean", ["u01"])

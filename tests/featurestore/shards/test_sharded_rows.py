"""Rows of a store that is cut into shards are those of the same store in one piece."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, lists, sampled_from

from featurestore.errors import BadValue, Mismatch, UnknownName
from featurestore.shards import id_index, shard_files
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.featurestore.shards import stores

FEATURES = ["text.mean", "audio.layers[1]"]
COMPLETE = [number for number in range(stores.COUNT) if number not in (0, 4, 7)]  # utterances with both features
NUMBERS = lists(sampled_from(COMPLETE), max_size=30)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return stores.cut(tmp_path_factory.mktemp("rows"))


@given(NUMBERS)
@settings(max_examples=30, deadline=None)
def test_rows_are_places_in_the_whole_manifest(both, numbers):
    ids = [stores.name(number) for number in numbers]
    for store in both:
        rows = store.rows(ids)
        assert (rows.dtype, rows.tolist()) == (np.int64, numbers)
        assert [store.utterances[row].id for row in rows] == ids


@given(NUMBERS)
@settings(max_examples=30, deadline=None)
def test_a_matrix_of_rows_is_that_of_the_single_store(both, numbers):
    (X, widths, rows), (expected, expected_widths, _) = (store.matrix(FEATURES, rows=numbers) for store in both[::-1])
    np.testing.assert_array_equal(X, expected)
    assert (widths, rows.tolist()) == (expected_widths, numbers)


@given(NUMBERS, integers(1, 7))
@settings(max_examples=30, deadline=None)
def test_batches_of_rows_are_those_of_the_single_store(both, numbers, size):
    found, expected = (list(store.batches(FEATURES, size=size, rows=numbers)) for store in both[::-1])
    assert [rows.tolist() for _, rows in found] == [rows.tolist() for _, rows in expected]
    for (X, _), (other, _) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(X, other)


@pytest.mark.parametrize("ask", [Store.matrix, Store.batches, Store.check_features])
@pytest.mark.parametrize("rows", [[0, 11], [-1], [0.5], [[1]], [True], ["u01"]])
def test_rows_that_the_manifest_does_not_have_are_refused(both, ask, rows):
    for store in both:
        with pytest.raises(BadValue, match="rows are not rows of the manifest\n  expected: integers from 0 to 10"):
            getattr(store, ask.__name__)(["text.mean"], rows=rows)


def test_ids_and_rows_together_are_refused(both):
    for ask in (both[1].matrix, both[1].batches):
        with pytest.raises(BadValue, match="both ids and rows are given"):
            ask(["text.mean"], ["u01"], rows=[1])


def test_rows_without_a_feature_are_all_counted_and_the_first_is_explained(both):
    for store in both:
        for ask in (store.matrix, store.check_features):
            with pytest.raises(UnknownName, match="2 of 3 utterances have no audio.mean: u07, u00\n  got: u07: silent"):
                ask(["text.mean", "audio.mean"], rows=[7, 1, 0])


def test_unknown_ids_have_no_row(both):
    for store in both:
        with pytest.raises(UnknownName, match="2 of 3 utterances are not in .*: x, y\n  expected: ids of the manifest"):
            store.rows(["x", "u07", "y"])
        with pytest.raises(BadValue, match="ids is a text"):
            store.rows("u01")


@pytest.mark.parametrize("encoders", [True, False], ids=["by features", "by manifest"])
def test_an_unknown_id_with_the_hash_of_a_known_one_has_no_row(tmp_path, monkeypatch, encoders):
    _, sharded = stores.cut(tmp_path)
    if not encoders:
        for path in sharded.path.glob("*/*.h5"):
            path.unlink()
    original = id_index.hash_texts
    monkeypatch.setattr(
        id_index, "hash_texts", lambda ids, salt=0: original(["u03" if one == "x" else one for one in ids])
    )
    assert sharded.rows(["u04", "u03", "u10"]).tolist() == [4, 3, 10]  # text failed on u04
    with pytest.raises(UnknownName, match="1 of 2 utterances are not in .*: x"):
        sharded.rows(["u03", "x"])


def test_each_shard_is_opened_once_and_few_stay_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr(shard_files, "_MAPPED", 3)
    opened, original = [], FeatureFile.__init__
    monkeypatch.setattr(FeatureFile, "__init__", lambda self, path: (opened.append(path), original(self, path))[1])
    single, sharded = stores.cut(tmp_path, rows=1)
    del opened[:]
    numbers = np.random.default_rng(0).choice(COMPLETE, 60)
    for _ in range(2):
        np.testing.assert_array_equal(
            sharded.matrix(FEATURES, rows=numbers)[0], single.matrix(FEATURES, rows=numbers)[0]
        )
    own = [path for path in opened if path.parent.parent == sharded.path and path.parent.name != "0000"]
    assert len(own) == len(set(own)) == 2 * (len(COMPLETE))
    assert len({path for path in list_open_files() if sharded.path in path.parents}) <= 3 + 2  # and those of shard 0


def list_open_files():
    """Return the files that this process has a descriptor of."""
    return [Path(os.path.realpath(f"/proc/self/fd/{number}")) for number in os.listdir("/proc/self/fd")]


def test_a_file_that_was_written_again_is_not_read_by_its_old_layout(tmp_path):
    _, sharded = stores.cut(tmp_path)
    sharded.matrix(["text.mean"], rows=[5])
    sharded._shard_files.release(1)
    stores.add(sharded.open_shard(1), "text", failed={"u05": "now broken"})
    with pytest.raises(Mismatch, match="text.h5 has changed since it was opened(.|\n)*open the store again"):
        sharded.matrix(["text.mean"], rows=[5])
    with pytest.raises(UnknownName, match="now broken"):
        Store(sharded.path).matrix(["text.mean"], rows=[5])

import pickle
import warnings

import numpy as np
import pytest

from featurestore.errors import BadValue, Mismatch, UnknownName
from featurestore.shards.sharded_store import ShardedStore
from featurestore.store import Store
from tests.featurestore.shards import stores

FEATURES = (["text.mean"], ["text.mean", "audio.mean"], ["audio.layers[1]", "text.frames[2]"], ["audio.layers"])
LACKS = pytest.mark.filterwarnings("ignore:.* utterances lack a feature")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return stores.cut(tmp_path_factory.mktemp("shards"))


def test_a_folder_with_shards_opens_as_one_store(both):
    single, sharded = both
    assert type(single) is Store
    assert type(sharded) is ShardedStore
    assert [one.utterances for one in sharded.index.shards] == [4, 4, 3]
    assert list(sharded.utterances) == list(single.utterances)
    assert len(sharded.utterances) == stores.COUNT
    assert sharded.utterances[5] == single.utterances[5]
    assert sharded.utterances[-1] == single.utterances[-1]
    assert sharded.utterances[3:9:2] == tuple(single.utterances[3:9:2])
    with pytest.raises(IndexError):
        sharded.utterances[stores.COUNT]
    assert sharded.info == single.info
    assert sharded.utterances.ids == single.utterances.ids
    assert sharded.utterances.column("dialogue") == single.utterances.column("dialogue")


@LACKS
@pytest.mark.parametrize("features", FEATURES, ids=" ".join)
def test_the_whole_matrix_is_that_of_the_single_store(both, features):
    (X, widths, ids), (expected, expected_widths, expected_ids) = (store.matrix(features) for store in reversed(both))
    np.testing.assert_array_equal(X, expected)
    assert (widths, ids) == (expected_widths, expected_ids)


@pytest.mark.parametrize("features", FEATURES, ids=" ".join)
def test_chosen_rows_are_those_of_the_single_store(both, features):
    ids = [stores.name(number) for number in (9, 1, 5, 1, 10, 2)]
    single, sharded = (store.matrix(features, ids) for store in both)
    np.testing.assert_array_equal(sharded[0], single[0])
    assert sharded[1:] == single[1:]


@LACKS
@pytest.mark.parametrize("size", [1, 3, 4, 5, 100])
@pytest.mark.parametrize("ids", [None, [stores.name(number) for number in (10, 3, 2, 8, 1)]])
def test_batches_are_those_of_the_single_store(both, size, ids):
    single, sharded = (list(store.batches(["text.mean", "audio.mean"], ids, size)) for store in both)
    assert [own for _, own in sharded] == [own for _, own in single]
    for (X, _), (expected, _) in zip(sharded, single, strict=True):
        np.testing.assert_array_equal(X, expected)


def test_frames_are_those_of_the_single_store(both):
    ids = [stores.name(number) for number in (8, 1, 5, 10)]
    single, sharded = (store.frames("text.frames", ids) for store in both)
    for found, expected in zip(sharded, single, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.encoders(),
        lambda store: store.default_features(),
        lambda store: store.kinds("audio"),
        lambda store: store.modality("text"),
        lambda store: store.describe("text"),
        lambda store: store.shape("audio.layers"),
        lambda store: store.available(["text.mean", "audio.mean"]),
        lambda store: store.failures(["text.mean", "audio.mean"]),
        lambda store: store.contents("audio"),
        lambda store: store.exposure("text"),
        lambda store: store.made_up,
        lambda store: store.clip_digest("u03"),
        lambda store: store.segments,
    ],
)
def test_everything_else_is_as_in_the_single_store(both, ask):
    single, sharded = map(ask, both)
    assert sharded == single


def test_a_missing_feature_is_counted(both):
    for store in both:
        with pytest.warns(UserWarning, match="3 of 11 utterances lack a feature"):
            store.matrix(["text.mean", "audio.mean"])
        with pytest.warns(UserWarning, match="1 of 11 utterances lack a feature"):
            list(store.batches(["text.mean"]))


@pytest.mark.parametrize("wrong", ["u07", "nobody"])
def test_an_utterance_without_a_feature_is_named_with_the_reason(both, wrong):
    reason = "silent" if wrong == "u07" else "not in the manifest"
    for store in both:
        with pytest.raises(
            UnknownName, match=f"1 of 2 utterances have no audio.mean: {wrong}\n  got: {wrong}: {reason}"
        ):
            store.matrix(["audio.mean"], ["u01", wrong])


def test_an_unknown_feature_an_unknown_encoder_and_a_wrong_size_are_refused_as_ever(both):
    for store in both:
        with pytest.raises(UnknownName, match="unknown feature 'text.means'"):
            store.matrix(["text.means"])
        with pytest.raises(UnknownName, match="unknown encoder 'video'"):
            store.describe("video")
        with pytest.raises(BadValue, match="invalid batch size 0"):
            store.batches(["text.mean"], size=0)
        with pytest.raises(BadValue, match="audio.mean is no sequence of frames"):
            store.frames("audio.mean", ["u01"])
        with pytest.raises(BadValue, match="has another number of frames"):
            store.matrix(["audio.frames"], ["u01"])


def test_one_feature_file_is_refused_with_the_name_of_a_shard(both):
    with pytest.raises(BadValue, match=r"cut into 3 shards.*\n.*\n.*--store .*shards/0000"):
        both[1].file("text")


def test_a_copy_in_another_process_reads_the_same(both):
    copy = pickle.loads(pickle.dumps(both[1]))  # noqa: S301
    assert type(copy) is ShardedStore
    np.testing.assert_array_equal(copy.matrix(["audio.mean"], ["u09"])[0], both[0].matrix(["audio.mean"], ["u09"])[0])


def test_a_shard_is_an_ordinary_store(both):
    shard = Store(both[1].path / "0001")
    assert type(shard) is Store
    assert [row.id for row in shard.utterances] == [stores.name(number) for number in range(4, 8)]
    ids = ["u06", "u05"]
    np.testing.assert_array_equal(shard.matrix(["text.mean"], ids)[0], both[0].matrix(["text.mean"], ids)[0])


def test_digests_change_with_any_shard(tmp_path):
    single, sharded = stores.cut(tmp_path)
    before = sharded.digests("text")
    assert set(before) == set(single.digests("text"))
    shard = sharded.open_shard(2)
    shard.file("text").release()
    stores.add(shard, "text")
    after = Store(sharded.path).digests("text")
    assert after["mean"] != before["mean"]


def test_an_encoder_that_a_shard_lacks_is_no_encoder_of_the_store(tmp_path):
    _, sharded = stores.cut(tmp_path)
    (sharded.path / "0001" / "text.h5").unlink()
    assert Store(sharded.path).encoders() == ["audio"]
    with pytest.raises(Mismatch, match="text is not finished in 1 of the 3 shards of .*: 0001\n(.*\n)*.*cli extract"):
        Store(sharded.path).describe("text")


def test_shards_of_different_encoders_are_refused(tmp_path):
    _, sharded = stores.cut(tmp_path)
    other = sharded.open_shard(1)
    header = other.file("text").header
    from dataclasses import replace

    from featurestore.storage import feature_writer

    file = other.file("text")
    columns = {name: np.array(file[name]) for name in file.names}
    feature_writer.write(file.path, columns, replace(header, fingerprint="e" * 64, digests={}))
    with pytest.raises(Mismatch, match="were not made alike"):
        Store(sharded.path).matrix(["text.mean"], ["u05"])


def test_a_manifest_that_was_edited_is_refused(tmp_path):
    _, sharded = stores.cut(tmp_path)
    path = sharded.path / "0001" / "utterances.csv"
    path.write_text(path.read_text().replace("u05", "u99"))
    with pytest.raises(Mismatch, match="has changed since the store was cut into shards"):
        Store(sharded.path).matrix(["text.mean"], ["u04x", "u06"][1:])


def test_memory_maps_are_released_between_shards(both):
    store = Store(both[1].path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        list(store.batches(["text.mean"], size=2))
    assert all(not file._maps for file in store._shard_files._files.values())

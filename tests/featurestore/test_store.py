import numpy as np
import pytest

from featurestore.errors import BadValue, Mismatch, NotFound, UnknownName
from featurestore.manifest import Utterance
from featurestore.storage import feature_file
from featurestore.storage.feature_file import encode_text
from featurestore.storage.schema import Header
from featurestore.store import Store, default_path
from tests.support import tiny

IDS = ["a", "b", "c", "d"]


@pytest.fixture
def store(tmp_path):
    made = tiny.store(tmp_path / "store", [Utterance(name, text=name) for name in IDS], tmp_path, corpus="iemocap")
    add(made, "text", ["c", "a", "d"], failed={"b": "no text in the manifest"})
    return made


def add(store, name, ids, failed=None, trained_on=(), manifest=None, contents=True):
    random = np.random.default_rng(len(name))
    failed = failed or {}
    lengths = [3, 1, 2][: len(ids)]
    columns = {
        "id": encode_text(ids),
        "content": np.full((len(ids), 32), [[ord(name)] for name in ids], np.uint8),
        "mean": random.standard_normal((len(ids), 4)).astype(np.float32),
        "logits": random.standard_normal((len(ids), 2)).astype(np.float32),
        "layers": random.standard_normal((len(ids), 3, 4)).astype(np.float16),
        "frames/offset": np.cumsum([0, *lengths], dtype=np.int64),
        "frames/value": random.standard_normal((sum(lengths), 4)).astype(np.float32),
        "failed/id": encode_text(list(failed)),
        "failed/reason": encode_text(list(failed.values())),
        "trained_on/id": encode_text(trained_on),
    }
    if not contents:
        del columns["content"]
    manifest = store.manifest_digest if manifest is None else manifest
    header = Header(name, "text", {"class": "hf-text"}, "f" * 64, manifest=manifest)
    feature_file.write(store.path / f"{name}.h5", columns, header)


def test_rows_follow_the_ids_that_are_asked_for(store):
    X, blocks, ids = store.matrix(["text.mean", "text.logits"], ["a", "d", "c"])
    file = store.file("text")
    rows = [1, 2, 0]
    np.testing.assert_array_equal(X, np.hstack([file["mean"][rows], file["logits"][rows]]))
    assert X.dtype == np.float32
    assert blocks == {"text.mean": 4, "text.logits": 2}
    assert ids == ["a", "d", "c"]


def test_without_ids_the_manifest_order_is_taken_and_what_is_left_out_is_said(store):
    with pytest.warns(UserWarning, match="1 of 4 utterances lack a feature"):
        ids = store.matrix(["text.mean"])[2]
    assert ids == ["a", "c", "d"]
    assert store.failures(["text.mean"]) == {"b": "text: no text in the manifest"}


def test_frames_are_cut_flattened_and_padded_with_zeros(store):
    X, blocks, _ = store.matrix(["text.frames[2]"], ["c", "a"])
    values = store.file("text")["frames/value"]
    np.testing.assert_array_equal(X[0], values[:2].reshape(-1))
    np.testing.assert_array_equal(X[1], np.concatenate([values[3], np.zeros(4)]))
    assert blocks == {"text.frames[2]": 8}


def test_one_layer_is_a_feature(store):
    X, _, _ = store.matrix(["text.layers[1]"], ["d"])
    np.testing.assert_array_equal(X[0], store.file("text")["layers"][2, 1].astype(np.float32))
    with pytest.raises(UnknownName, match="has no layer 7\n  expected: 0 to 2"):
        store.matrix(["text.layers[7]"], ["d"])


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_batches_are_the_matrix_some_rows_at_a_time(store, size):
    features = ["text.mean", "text.frames[2]", "text.layers[0]"]
    X, _, ids = store.matrix(features, ["d", "a", "c"])
    parts = list(store.batches(features, ["d", "a", "c"], size))
    assert [name for _, some in parts for name in some] == ids
    assert all(len(part) == len(some) <= size for part, some in parts)
    np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), X)


def test_batches_refuse_before_they_begin(store):
    with pytest.raises(UnknownName, match=r"1 of 2 utterances have no text\.mean: b"):
        store.batches(["text.mean"], ["a", "b"])
    with pytest.raises(BadValue, match="a batch must have rows\n  expected: size 1 or more\n  got: 0"):
        store.batches(["text.mean"], ["a"], 0)
    assert list(store.batches(["text.mean"], [])) == []


def test_an_utterance_without_the_feature_fails_loudly(store):
    with pytest.raises(UnknownName, match=r"1 of 2 utterances have no text.mean: b\n  got: b: no text in the manifest"):
        store.matrix(["text.mean"], ["a", "b"])


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("text.means", "unknown feature 'text.means': text has no means\n  expected: .*\n  do: did you mean mean?"),
        ("txt.mean", "unknown encoder 'txt' in .*\n  expected: one of text\n  do: did you mean text?"),
        ("text", "'text' is not a feature"),
        ("text.frames", "'text.frames' is not a feature"),
    ],
)
def test_a_feature_that_is_not_there_is_told_with_the_closest(store, feature, message):
    with pytest.raises((UnknownName, BadValue), match=message):
        store.matrix([feature])


def test_the_same_feature_twice_is_refused(store):
    with pytest.raises(BadValue, match="text.mean is asked for twice"):
        store.matrix(["text.mean", "text.mean"])


def test_features_of_another_manifest_are_stale(store):
    add(store, "audio", ["a"], manifest="0" * 64)
    with pytest.raises(Mismatch, match=r"audio\.h5 was made from another manifest(.|\n)*do: cli extract --store"):
        store.matrix(["audio.mean"], ["a"])


def test_default_features_are_mean_and_logits_of_every_encoder(store):
    add(store, "audio", ["a"])
    assert store.default_features() == ["audio.mean", "audio.logits", "text.mean", "text.logits"]


def test_contents_are_given_by_utterance_and_empty_where_they_are_not_recorded(store):
    assert store.contents("text") == {"c": "63" * 32, "a": "61" * 32, "d": "64" * 32}
    add(store, "bare", ["a"], contents=False)
    assert store.contents("bare") == {"a": ""}


def test_a_record_of_ids_alone_counts_whatever_the_corpus_was_called(store):
    add(store, "audio", ["a"], trained_on=["a", "b"])
    assert store.trained_on("audio") == {"a"}


def test_no_store_says_how_to_make_one(tmp_path):
    with pytest.raises(NotFound, match="there is no feature store at .*\n  do: cli prepare CORPUS ROOT --store"):
        Store(tmp_path)


def test_a_store_without_features_says_how_to_make_them(tmp_path):
    store = tiny.store(tmp_path / "s", [Utterance("a")], tmp_path)
    with pytest.raises(NotFound, match="holds no features yet\n  do: cli extract --store"):
        store.default_features()


def test_the_default_store_is_that_of_the_environment(monkeypatch):
    monkeypatch.setenv("FEATURESTORE", "/somewhere")
    assert str(default_path()) == "/somewhere"
    monkeypatch.delenv("FEATURESTORE")
    assert str(default_path()) == "features/demo"


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "corpus.json is damaged"), ("[]", "lacks corpus and root"), ('{"corpus": "table"}', "lacks root")],
)
def test_a_damaged_description_of_the_corpus_is_told(store, content, message):
    (store.path / "corpus.json").write_text(content, "utf-8")
    with pytest.raises(Mismatch, match=f"{message}.*\n  do: run cli prepare again"):
        Store(store.path).info  # noqa: B018

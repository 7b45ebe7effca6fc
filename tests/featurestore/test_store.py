import pickle

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis.strategies import lists, sampled_from

from cli import main
from featurestore.errors import BadValue, Mismatch, NotFound, UnknownName
from featurestore.manifest import Manifest, Utterance
from featurestore.row_index import RowIndex
from featurestore.spec import FeatureSpec
from featurestore.storage import feature_writer
from featurestore.storage.feature_writer import encode_text
from featurestore.storage.schema import Header
from featurestore.store import Store
from tests.support import tiny

IDS = ["a", "b", "c", "d"]


@pytest.fixture
def store(tmp_path):
    made = tiny.store(tmp_path / "store", [Utterance(name, text=name) for name in IDS], tmp_path, corpus="iemocap")
    add(made, "text", ["c", "a", "d"], failed={"b": "no transcript"})
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
    feature_writer.write(store.path / f"{name}.h5", columns, header)


def test_rows_follow_the_given_ids(store):
    X, blocks, ids = store.matrix(["text.mean", "text.logits"], ["a", "d", "c"])
    file = store.file("text")
    rows = [1, 2, 0]
    np.testing.assert_array_equal(X, np.hstack([file["mean"][rows], file["logits"][rows]]))
    assert X.dtype == np.float32
    assert blocks == {"text.mean": 4, "text.logits": 2}
    assert ids == ["a", "d", "c"]


def test_without_ids_rows_follow_the_manifest_with_a_warning_about_missing_ones(store):
    with pytest.warns(UserWarning, match="1 of 4 utterances lack a feature"):
        ids = store.matrix(["text.mean"])[2]
    assert ids == ["a", "c", "d"]
    assert store.failures(["text.mean"]) == {"b": "text: no transcript"}


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
def test_batches_together_are_the_matrix(store, size):
    features = ["text.mean", "text.frames[2]", "text.layers[0]"]
    X, _, ids = store.matrix(features, ["d", "a", "c"])
    parts = list(store.batches(features, ["d", "a", "c"], size))
    assert [name for _, some in parts for name in some] == ids
    assert all(len(part) == len(some) <= size for part, some in parts)
    np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), X)


def test_batches_check_their_arguments_at_once(store):
    with pytest.raises(UnknownName, match=r"1 of 2 utterances have no text\.mean: b"):
        store.batches(["text.mean"], ["a", "b"])
    with pytest.raises(BadValue, match="invalid batch size 0\n  expected: 1 or more"):
        store.batches(["text.mean"], ["a"], 0)
    assert list(store.batches(["text.mean"], [])) == []


def test_an_utterance_without_the_feature_is_rejected(store):
    with pytest.raises(UnknownName, match=r"1 of 2 utterances have no text.mean: b\n  got: b: no transcript"):
        store.matrix(["text.mean"], ["a", "b"])


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (
            "text.means",
            "unknown feature 'text.means': text has no means\n  expected: .*\n  do: did you mean text.mean?",
        ),
        (
            "txt.mean",
            "unknown feature 'txt.mean'\n  expected: ENCODER.KIND, one of text.mean.*\n  do: did you mean text.mean?",
        ),
        (
            "text",
            "unknown feature 'text'\n  expected: ENCODER.KIND, one of text.mean.*\n  do: did you mean text.mean",
        ),
        ("text mean", "'text mean' is not a feature"),
        ("text.mean[3]", "'text.mean.3.' is not a feature"),
        ("text.frames", "text.frames has another number of frames for every utterance, and cannot be columns"),
    ],
)
def test_an_unknown_feature_is_rejected_with_the_closest(store, feature, message):
    with pytest.raises((UnknownName, BadValue), match=message):
        store.matrix([feature])


def test_a_duplicate_feature_is_rejected(store):
    with pytest.raises(BadValue, match="duplicate feature text.mean"):
        store.matrix(["text.mean", "text.mean"])


def test_features_of_another_manifest_are_stale(store):
    add(store, "audio", ["a"], manifest="0" * 64)
    with pytest.raises(Mismatch, match=r"audio\.h5 was made from another manifest(.|\n)*do: cli extract --store"):
        store.matrix(["audio.mean"], ["a"])


def test_default_features_are_mean_and_logits_of_every_encoder(store):
    add(store, "audio", ["a"])
    assert store.default_features() == ["audio.mean", "audio.logits", "text.mean", "text.logits"]


def test_files_of_the_paper_are_no_default_features(store):
    for name in ("audio@1", "text@paper-fixed", "video@paper"):
        add(store, name, ["a"])
    assert store.default_features() == ["audio.mean", "audio.logits", "text.mean", "text.logits"]


def test_contents_are_by_id_and_empty_if_they_are_not_recorded(store):
    assert store.contents("text") == {"c": "63" * 32, "a": "61" * 32, "d": "64" * 32}
    add(store, "bare", ["a"], contents=False)
    assert store.contents("bare") == {"a": ""}


def test_a_record_of_ids_alone_counts_for_a_corpus_of_any_name(store):
    add(store, "audio", ["a"], trained_on=["a", "b"])
    assert store.trained_on("audio") == {"a"}


def test_a_missing_store_is_reported_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(NotFound, match="there is no feature store at .*\n  do: cli prepare CORPUS ROOT --store"):
        Store(tmp_path)


def test_the_missing_default_store_is_made_by_extract(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match="there is no feature store at features/demo\n  do: cli extract makes the demo"):
        Store("features/demo")


def test_a_store_shows_its_folder(store):
    assert repr(store) == f"Store({str(store.path)!r})"


def test_a_text_in_place_of_a_list_is_rejected(store):
    with pytest.raises(BadValue, match=r"features is a text\n(.|\n)*do: give a list: features=\['text.mean'\]"):
        store.matrix("text.mean")
    with pytest.raises(BadValue, match=r"do: give a list: ids=\['a'\]"):
        store.matrix(["text.mean"], "a")


def test_a_store_without_features_is_reported_with_the_command_that_makes_them(tmp_path):
    store = tiny.store(tmp_path / "s", [Utterance("a")], tmp_path)
    with pytest.raises(NotFound, match="holds no features yet\n  do: cli extract --store"):
        store.default_features()


def test_the_default_store_is_read_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, path in (("/somewhere", "/somewhere"), (None, "features/demo")):
        answer = CliRunner().invoke(main, ["folds"], env={"FEATURESTORE": name})
        assert f"there is no feature store at {path}\n" in answer.output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "corpus.json is damaged: Expecting property name .*\n  expected: a JSON object"),
        ("[]", "corpus.json is damaged\n  expected: a JSON object\n  got: list"),
        ("{}", "corpus.json is damaged\n  expected: corpus and root\n  got: no corpus and no root"),
        ('{"corpus": "table"}', "corpus.json is damaged\n  expected: corpus and root\n  got: no root"),
    ],
)
def test_a_damaged_corpus_json_is_reported(store, content, message):
    (store.path / "corpus.json").write_text(content, "utf-8")
    with pytest.raises(Mismatch, match=f"{message}\n  do: run cli prepare again"):
        Store(store.path).info  # noqa: B018


def test_a_parsed_feature_is_accepted_like_its_text(store):
    spec = FeatureSpec("text", "layers", 1)
    X, blocks, ids = store.matrix([spec], ["d", "a"])
    np.testing.assert_array_equal(X, store.matrix(["text.layers[1]"], ["d", "a"])[0])
    assert (blocks, ids) == ({"text.layers[1]": 4}, ["d", "a"])
    assert store.available([spec]) == store.available(["text.layers[1]"])


def test_a_copy_in_another_process_opens_the_store_from_any_working_directory(store, tmp_path, monkeypatch):
    monkeypatch.chdir(store.path.parent)
    pickled = pickle.dumps(Store(store.path.name))
    monkeypatch.chdir(tmp_path.parent)
    assert pickle.loads(pickled).utterances == store.utterances  # noqa: S301


@pytest.fixture
def several(store):
    """Make a store with a file of all utterances in the order of the manifest, beside one that lacks `b`."""
    add(store, "audio", IDS)
    return store


@pytest.mark.parametrize("features", [["audio.mean"], ["text.mean"], ["text.logits", "audio.layers[1]", "text.mean"]])
def test_rows_are_found_once_and_read_as_ids_are(several, features):
    ids = ["d", "a", "c", "a"]
    rows = several.rows(ids)
    X, blocks, given = several.matrix(features, rows=rows)
    expected, widths, _ = several.matrix(features, ids)
    np.testing.assert_array_equal(X, expected)
    assert blocks == widths
    assert rows.tolist() == given.tolist() == [3, 0, 2, 0]
    assert [several.utterances[row].id for row in rows] == ids


def test_ids_are_read_alike_whether_the_manifest_is_known_or_not(several):
    ids = ["d", "a", "c"]
    before = Store(several.path).matrix(["text.mean", "audio.mean"], ids)[0]
    assert len(several.utterances) == 4
    np.testing.assert_array_equal(several.matrix(["text.mean", "audio.mean"], ids)[0], before)
    np.testing.assert_array_equal(several.matrix(["audio.mean"], IDS)[0], several.file("audio")["mean"])
    assert several.available(["audio.mean"]) == IDS
    assert several.available(["audio.mean", "text.mean"]) == ["a", "c", "d"]


@pytest.mark.parametrize("known", [False, True])
def test_ids_of_nobody_are_rejected_alike(several, known):
    assert not known or several.utterances
    with pytest.raises(UnknownName, match="1 of 2 utterances have no audio.mean: x\n  got: x: not in the manifest"):
        several.matrix(["audio.mean"], ["a", "x"])
    with pytest.raises(UnknownName, match="1 of 2 utterances have no text.mean: b\n  got: b: no transcript"):
        several.matrix(["audio.mean", "text.mean"], ["a", "b"])


@given(lists(sampled_from(["a", "b", "c", "d", "x"]), max_size=6))
@settings(max_examples=60, deadline=None)
def test_ids_are_looked_up_in_any_order(ids):
    index = RowIndex(Manifest.from_rows([Utterance(one) for one in IDS]))
    if "x" in ids:
        with pytest.raises(KeyError):
            index.look_up(ids)
    else:
        assert index.look_up(ids).tolist() == [IDS.index(one) for one in ids]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("order", [IDS, IDS[::-1], ["d", "a", "c"]])
def test_contents_are_those_of_each_utterance(store, order, known):
    failed = {one: "broken" for one in IDS if one not in order}
    add(store, "audio", order, failed)
    assert not known or store.utterances
    assert store.contents("audio") == {one: (one.encode() * 32).hex() for one in order}
    assert list(store.contents("audio")) == order
    assert [store.file("audio").read_content(row) for row in range(len(order))] == store.file("audio").contents


def test_batches_of_rows_together_are_the_matrix(several):
    rows = np.array([3, 0, 0, 2, 1], np.uint8)
    parts = list(several.batches(["audio.mean"], rows=rows, size=2))
    np.testing.assert_array_equal(np.concatenate([X for X, _ in parts]), several.matrix(["audio.mean"], rows=rows)[0])
    assert [given.tolist() for _, given in parts] == [[3, 0], [0, 2], [1]]


def test_no_rows_are_an_empty_matrix(several):
    assert several.matrix(["audio.mean"], rows=[])[0].shape == (0, 4)
    assert several.rows([]).tolist() == []


def test_a_row_without_the_feature_is_rejected(several):
    with pytest.raises(UnknownName, match="1 of 2 utterances have no text.mean: b\n  got: b: no transcript"):
        several.matrix(["text.mean"], rows=[0, 1])


def test_an_unknown_id_has_no_row(several):
    with pytest.raises(UnknownName, match="2 of 3 utterances are not in .*: x, y\n  expected: ids of the manifest"):
        several.rows(["x", "a", "y"])
    with pytest.raises(BadValue, match="ids is a text"):
        several.rows("a")


@pytest.mark.parametrize(
    ("rows", "got"),
    [
        ([0, 4], "0 to 4"),
        ([-1, 2], "-1 to 2"),
        ([0.0, 1.0], r"shape \(2,\) of float64"),
        ([[0], [1]], r"shape \(2, 1\) of int64"),
        ([True, False, True, True], r"shape \(4,\) of bool"),
        (["a"], r"shape \(1,\) of <U1"),
    ],
)
def test_rows_that_the_manifest_does_not_have_are_rejected(several, rows, got):
    with pytest.raises(
        BadValue, match=f"rows are not rows of the manifest\n  expected: integers from 0 to 3.*\n  got: {got}"
    ):
        several.matrix(["audio.mean"], rows=rows)


def test_ids_and_rows_together_are_rejected(several):
    with pytest.raises(BadValue, match="both ids and rows are given"):
        several.matrix(["audio.mean"], ["a"], rows=[0])

import json

import pytest

from featurestore.errors import BadValue, Mismatch
from featurestore.extraction.extract import extract_encoder
from featurestore.inspection.describe import describe, render
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests.support import tiny


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("described")
    made = tiny.store(folder / "store", tiny.utterances(4, folder / "corpus"), folder / "corpus")
    extract_encoder(
        made, EncoderSpec("", str(tiny.checkpoint("bert", folder / "bert", ("a", "b")))), jobs=1, device="cpu"
    )
    return Store(made.path)


def test_a_store_is_described(store):
    content = describe(store.path)
    assert content["utterances"] == 4
    assert content["labels"] == {"ang": 2, "sad": 1, "neu": 1}
    assert content["feature files"]["text"]["features"] == ["text.mean", "text.std", "text.cls", "text.logits"]
    assert content["feature files"]["text"]["state"] == "fresh"
    json.dumps(content)


def test_a_feature_file_is_described(store):
    content = describe(store.path / "text.h5")
    assert content["utterances"] == 4
    assert content["datasets"]["mean"].startswith("4 x 16 float32, sha256 ")
    assert content["classes"] == ["a", "b"]
    assert "model_type: bert" in render(content)


def test_a_checkpoint_is_described(store):
    content = describe(store.path.parent / "bert")
    assert (content["modality"], content["model type"], content["classes"]) == ("text", "bert", ["a", "b"])


def test_a_damaged_bundle_is_reported(tmp_path):
    (tmp_path / "head.json").write_text('{"format": 1,')
    with pytest.raises(Mismatch, match=r"head.json is damaged: (.|\n)*do: fit it again"):
        describe(tmp_path)


def test_anything_else_is_rejected(tmp_path):
    with pytest.raises(BadValue, match=r"cannot inspect .*\n  expected: a store \(corpus.json\)"):
        describe(tmp_path)


def test_long_lists_are_shortened():
    assert render({"ids": list(range(20)), "none": [], "nested": {"a": ""}}) == (
        "ids: 0, 1, 2, 3, 4, 5, 6, 7 … and 12 more\nnone: -\nnested:\n  a: -"
    )

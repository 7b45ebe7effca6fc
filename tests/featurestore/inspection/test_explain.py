import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from cli import main
from featurestore.errors import UnknownName
from featurestore.extraction.extract import extract_encoder
from featurestore.inspection.explain import explain
from featurestore.spec import EncoderSpec, asked_for
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.support import tiny


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {"audio": folder / "audio", "text": folder / "text"}


@pytest.fixture
def store(tmp_path, models):
    store = tiny.store(tmp_path / "store", tiny.utterances(4, tmp_path / "corpus"), tmp_path / "corpus")
    (store.root / "clip003.wav").unlink()
    for modality, family in (("audio", "wav2vec2-group"), ("text", "bert")):
        if not models[modality].is_dir():
            tiny.checkpoint(family, models[modality])
        optional = ["layers", "frames"]
        extract_encoder(store, EncoderSpec("", str(models[modality])), optional=optional, jobs=1, device="cpu")
    return store


def test_a_fresh_vector_is_explained_in_full(store, models):
    told = explain(store.path, "u001", "audio.mean")
    vector = FeatureFile(store.path / "audio.h5")["mean"][1]
    assert told["file"] == str(store.path / "audio.h5")
    assert (told["dataset"], told["row"], told["shape"], told["dtype"]) == ("/mean", 1, [16], "float32")
    assert told["norm"] == pytest.approx(np.linalg.norm(vector))
    assert told["utterance"]["audio"] == str(store.root / "clip001.wav")
    assert told["utterance"]["text"] == store.utterances[1].text
    assert told["encoder"]["checkpoint"] == str(models["audio"])
    assert len(told["key"]) == 64
    assert (told["state"], told["why"]) == ("fresh", [])


@pytest.mark.parametrize(
    ("feature", "shape", "dtype"),
    [("text.layers", [3, 16], "float16"), ("text.layers[1]", [16], "float16"), ("text.frames[2]", [2, 16], "float32")],
)
def test_layers_and_frames_are_explained(store, feature, shape, dtype):
    told = explain(store.path, "u001", feature)
    assert (told["shape"], told["dtype"]) == (shape, dtype)


def test_why_a_vector_is_stale(store):
    tiny.clip(store.root / "clip000.wav", 0.4, 50)
    assert explain(store.path, "u000", "audio.mean")["why"] == ["its audio has changed"]
    assert explain(store.path, "u000", "text.mean")["state"] == "fresh"
    (store.root / "clip001.wav").unlink()
    told = explain(store.path, "u001", "audio.mean")
    assert told["why"] == [f"its clip is missing: {store.root / 'clip001.wav'}"]
    assert told["do"].startswith(f"cli extract --store {store.path} --encoder audio=")


def test_a_changed_text_and_manifest(store):
    rows = [dataclasses.replace(row, text="dog") if row.id == "u002" else row for row in store.utterances]
    tiny.store(store.path, rows[:3], store.root)
    moved = "the manifest has changed since the file was joined"
    assert explain(store.path, "u002", "text.mean")["why"] == ["its text has changed", moved]
    assert explain(store.path, "u001", "text.mean")["why"] == [moved]
    gone = explain(store.path, "u003", "text.mean")
    assert gone["why"] == ["the utterance is not in the manifest any more"]


def test_a_changed_or_missing_checkpoint(store, models):
    config = models["text"] / "config.json"
    original = config.read_text()
    config.write_text(original + " ")
    try:
        told = explain(store.path, "u001", "text.mean")
        config.unlink()
        unknown = explain(store.path, "u001", "text.mean")
    finally:
        config.write_text(original)
    assert told["state"] == "stale"
    assert told["why"][0].startswith("its encoder has changed: files: ")
    assert unknown["state"] == "fresh"
    assert "whether its encoder has changed cannot be told" in unknown["why"][0]


def test_a_failure_is_explained(store):
    told = explain(store.path, "u003", "audio.mean")
    assert told["state"] == "failed"
    assert told["why"] == [f"no such file: {store.root / 'clip003.wav'}"]
    assert "row" not in told


def test_what_is_not_there_is_told_with_the_closest(store):
    with pytest.raises(UnknownName, match=r"unknown utterance 'u0001' in .*utterances\.csv\n(.|\n)*did you mean u001"):
        explain(store.path, "u0001", "audio.mean")
    with pytest.raises(UnknownName, match="audio has no logits"):
        explain(store.path, "u001", "audio.logits")
    with pytest.raises(UnknownName, match="unknown encoder 'audo'"):
        explain(store.path, "u001", "audo.mean")


def test_a_layer_beyond_the_last(store):
    with pytest.raises(UnknownName, match=r"audio.h5 has no layer 9\n  expected: 0 to 2"):
        explain(store.path, "u001", "audio.layers[9]")


def test_what_mends_a_handmade_feature_names_the_extractor_not_its_feature_set():
    assert asked_for({"class": "egemaps", "checkpoint": "eGeMAPSv02", "revision": "opensmile 2"}) == "egemaps"
    assert asked_for({"class": "hf-text", "checkpoint": "/models/a@b", "revision": ""}) == "/models/a@b"
    assert asked_for({"class": "hf-text", "checkpoint": "o/m@main", "revision": "c0"}) == "o/m@c0"


def test_the_command(store):
    done = CliRunner().invoke(main, ["explain", str(store.path), "u001", "audio.mean", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.output)["state"] == "fresh"
    assert "state: fresh" in CliRunner().invoke(main, ["explain", str(store.path), "u001", "audio.mean"]).output
    assert Store(store.path).encoders() == ["audio", "text"]

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from cli import main
from featurestore.errors import UnknownName
from featurestore.extraction.extract import extract_encoder
from featurestore.inspection.explain import explain
from featurestore.spec import EncoderSpec, format_checkpoint
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
    explained = explain(store.path, "u001", "audio.mean")
    vector = FeatureFile(store.path / "audio.h5")["mean"][1]
    assert explained["file"] == str(store.path / "audio.h5")
    assert (explained["dataset"], explained["row"], explained["shape"], explained["dtype"]) == (
        "/mean",
        1,
        [16],
        "float32",
    )
    assert explained["norm"] == pytest.approx(np.linalg.norm(vector))
    assert explained["utterance"]["audio"] == str(store.root / "clip001.wav")
    assert explained["utterance"]["text"] == store.utterances[1].text
    assert explained["encoder"]["checkpoint"] == str(models["audio"])
    assert len(explained["key"]) == 64
    assert (explained["state"], explained["why"]) == ("fresh", [])


@pytest.mark.parametrize(
    ("feature", "shape", "dtype"),
    [("text.layers", [3, 16], "float16"), ("text.layers[1]", [16], "float16"), ("text.frames[2]", [2, 16], "float32")],
)
def test_layers_and_frames_are_explained(store, feature, shape, dtype):
    explained = explain(store.path, "u001", feature)
    assert (explained["shape"], explained["dtype"]) == (shape, dtype)


def test_a_stale_vector_is_explained(store):
    tiny.clip(store.root / "clip000.wav", 0.4, 50)
    assert explain(store.path, "u000", "audio.mean")["why"] == ["its audio has changed"]
    assert explain(store.path, "u000", "text.mean")["state"] == "fresh"
    (store.root / "clip001.wav").unlink()
    explained = explain(store.path, "u001", "audio.mean")
    assert explained["why"] == [f"its clip is missing: {store.root / 'clip001.wav'}"]
    assert explained["do"].startswith(f"cli extract --store {store.path} --encoder audio=")


def test_a_changed_text_and_manifest_are_explained(store):
    rows = [dataclasses.replace(row, text="dog") if row.id == "u002" else row for row in store.utterances]
    tiny.store(store.path, rows[:3], store.root)
    moved = "the manifest has changed since the file was joined"
    assert explain(store.path, "u002", "text.mean")["why"] == ["its text has changed", moved]
    assert explain(store.path, "u001", "text.mean")["why"] == [moved]
    gone = explain(store.path, "u003", "text.mean")
    assert gone["why"] == ["the utterance is no longer in the manifest"]


def test_a_changed_or_missing_checkpoint_is_explained(store, models):
    config = models["text"] / "config.json"
    original = config.read_text()
    config.write_text(original + " ")
    try:
        explained = explain(store.path, "u001", "text.mean")
        config.unlink()
        unknown = explain(store.path, "u001", "text.mean")
    finally:
        config.write_text(original)
    assert explained["state"] == "stale"
    assert explained["why"][0].startswith("its encoder has changed: config.json: ")
    assert unknown["state"] == "fresh"
    assert "its encoder could not be checked for changes: " in unknown["why"][0]


def test_a_failure_is_explained(store):
    explained = explain(store.path, "u003", "audio.mean")
    assert explained["state"] == "failed"
    assert explained["why"] == [f"no such file: {store.root / 'clip003.wav'}"]
    assert "row" not in explained


def test_unknown_names_are_rejected_with_the_closest(store):
    with pytest.raises(UnknownName, match=r"unknown utterance 'u0001' in .*utterances\.csv\n(.|\n)*did you mean u001"):
        explain(store.path, "u0001", "audio.mean")
    with pytest.raises(UnknownName, match=r"audio has no logits\n(.|\n)*see: cli inspect"):
        explain(store.path, "u001", "audio.logits")
    with pytest.raises(UnknownName, match="unknown feature 'audo.mean'\n  expected: ENCODER.KIND, one of audio.mean"):
        explain(store.path, "u001", "audo.mean")


def test_a_layer_beyond_the_last_is_rejected(store):
    with pytest.raises(UnknownName, match=r"audio.h5 has no layer 9\n  expected: 0 to 2"):
        explain(store.path, "u001", "audio.layers[9]")


def test_the_command_for_a_hand_made_encoder_names_the_extractor():
    assert format_checkpoint({"class": "egemaps", "checkpoint": "eGeMAPSv02", "revision": "opensmile 2"}) == "egemaps"
    assert format_checkpoint({"class": "hf-text", "checkpoint": "/models/a@b", "revision": ""}) == "/models/a@b"
    assert format_checkpoint({"class": "hf-text", "checkpoint": "o/m@main", "revision": "c0"}) == "o/m@c0"


def test_the_command_explains_a_vector(store):
    done = CliRunner().invoke(main, ["explain", str(store.path), "u001", "audio.mean", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.output)["state"] == "fresh"
    assert "state: fresh" in CliRunner().invoke(main, ["explain", str(store.path), "u001", "audio.mean"]).output
    assert Store(store.path).encoders() == ["audio", "text"]

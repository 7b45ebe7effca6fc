import json

import numpy as np
import pytest

from benchmarks.fitting.fit import fit_and_save
from featurestore.encoders.hf_text import HFText
from featurestore.errors import BadValue, Mismatch
from featurestore.extract import extract
from featurestore.predict import predict_from, render
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests import tiny

FEATURES = "audio.mean,audio.frames[3],text.cls,text.layers[1]"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A store with two encoders and a bundle fitted on features of every kind."""
    folder = tmp_path_factory.mktemp("fitted")
    store = tiny.store(folder / "store", tiny.utterances(30, folder / "corpus"), folder / "corpus")
    for family, name in (("wav2vec2-group", "audio"), ("deberta-v2", "text")):
        spec = EncoderSpec(name, str(tiny.checkpoint(family, folder / name)))
        extract(store, spec, optional=["frames", "layers"], jobs=1, device="cpu")
    store = Store(store.path)
    result = fit_and_save(store, head="svm", params=(), features=FEATURES, out=folder / "bundle")
    return store, result


def test_new_speech_gets_what_the_stored_features_give(fitted):
    store, result = fitted
    X, _, ids = store.matrix(FEATURES.split(","))
    expected = result.bundle.head.predict_proba(X)
    for row in (0, 7, 29):
        utterance = store.utterances[row]
        (found,) = predict_from(result.path, audio=str(store.root / utterance.audio), text=utterance.text)
        np.testing.assert_allclose(list(found.probabilities.values()), expected[ids.index(utterance.id)], atol=1e-4)
        assert found.emotion == result.bundle.head.predict(X)[row]
        assert list(found.probabilities) == list(result.bundle.classes)


def test_new_speech_is_normalised_as_the_head_was_fitted(fitted, tmp_path):
    store, _ = fitted
    names = FEATURES.split(",")
    result = fit_and_save(
        store,
        head="logistic",
        params=("C=1",),
        features=FEATURES,
        out=tmp_path / "b",
        protocol="leave-one-speaker-out",
        normalize="global",
    )
    assert result.bundle.fold is None
    X, _, _ = store.matrix(names)  # fitted on everything
    scaled = (X - X.mean(0, dtype=np.float64)) / X.std(0, dtype=np.float64)
    expected = result.bundle.head.predict_proba(scaled)
    utterance = store.utterances[7]
    (found,) = predict_from(tmp_path / "b", audio=str(store.root / utterance.audio), text=utterance.text)
    np.testing.assert_allclose(list(found.probabilities.values()), expected[7], atol=1e-3)
    assert np.abs(expected[7] - result.bundle.head.predict_proba(X)[7]).max() > 0.01


def test_a_table_is_predicted_row_by_row_and_a_bad_row_carries_its_reason(fitted, tmp_path):
    store, result = fitted
    good = store.root / "clip000.wav"
    (tmp_path / "rows.csv").write_text(f"id,audio,text,label\na,{good},the dog,\nb,nowhere.wav,the dog,\nc,{good},,\n")
    found = predict_from(result.path, table=tmp_path / "rows.csv")
    assert [row.id for row in found] == ["a", "b", "c"]
    assert found[0].emotion in result.bundle.classes
    assert "no such file" in found[1].reason
    assert found[2].reason == "text: no text in the manifest"
    assert json.loads(json.dumps(found[1].to_json()))["failed"].startswith("audio: no such file")
    assert "failed: audio: no such file" in render(found)


def test_a_table_needs_no_label_column(fitted, tmp_path):
    store, result = fitted
    (tmp_path / "rows.csv").write_text(f"audio,text\n{store.root / 'clip000.wav'},the dog\n")
    assert predict_from(result.path, table=tmp_path / "rows.csv")[0].emotion


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "nothing to predict\n  do: give --audio and --text, or --table"),
        ({"text": "a"}, "the bundle needs audio\n  do: give --audio FILE"),
        ({"audio": "x.wav"}, "the bundle needs the words\n  do: give --text"),
        (
            {"audio": "x.wav", "text": "a", "encoders": ["video=x"]},
            "the bundle has no encoder video\n",
        ),
        (
            {"audio": "x.wav", "text": "a", "encoders": ["x"]},
            "'x' does not say which encoder it is\n",
        ),
    ],
)
def test_what_is_missing_is_told(fitted, given, message):
    with pytest.raises(BadValue, match=message):
        predict_from(fitted[1].path, **given)


def test_another_checkpoint_is_refused_and_a_moved_one_accepted(fitted, tmp_path):
    store, result = fitted
    given = {"audio": str(store.root / "clip000.wav"), "text": "the dog"}
    other = tiny.checkpoint("deberta-v2", tmp_path / "other", seed=5)
    with pytest.raises(Mismatch, match=r"encoder text at .* is not the one that the bundle was fitted on\n"):
        predict_from(result.path, **given, encoders=[f"text={other}"])
    moved = tiny.checkpoint("deberta-v2", tmp_path / "moved")
    assert predict_from(result.path, **given, encoders=[f"text={moved}"]) == predict_from(result.path, **given)


def test_an_undefined_vector_fails_for_itself(fitted, tmp_path, monkeypatch):
    store, result = fitted
    encode = HFText.encode

    def undefined(self, batch, kinds):
        return [{kind: values * np.nan for kind, values in one.items()} for one in encode(self, batch, kinds)]

    monkeypatch.setattr(HFText, "encode", undefined)
    (found,) = predict_from(result.path, audio=str(store.root / "clip000.wav"), text="the dog")
    assert found.reason.startswith("text: the encoder gives NaN or infinite values in ")


def test_a_bundle_on_an_encoder_of_one_fold(fitted, tmp_path):
    store, _ = fitted
    made = tiny.store(tmp_path / "store", list(store.utterances), store.root)
    checkpoint = str(store.path.parent / "text")
    extract(made, EncoderSpec("text@1", checkpoint), jobs=1, device="cpu")
    result = fit_and_save(Store(made.path), head="prior", params=(), features="text@1.mean", out=tmp_path / "bundle")
    (found,) = predict_from(result.path, text="the dog")
    (moved,) = predict_from(result.path, text="the dog", encoders=[f"text@1={checkpoint}"])
    assert found.emotion == moved.emotion != ""

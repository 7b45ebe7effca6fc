"""Prediction of clips without a text, by bundles that were fitted on recognized words."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import featurestore
from benchmarks.fitting.fit import fit_and_save
from cli import main
from featurestore.errors import BadValue, Mismatch, NotFound
from featurestore.prediction.bundle import load
from featurestore.prediction.predict import predict
from featurestore.store import Store
from tests.support import recognizers, tiny

ASR, WORDS = "audio.mean,text-asr.mean", "asr.text"


@pytest.fixture(scope="module")
def fitted(trained, tmp_path_factory):
    """Return a store with recognized words, its recognizer, and bundles fitted on features of them and on words."""
    folder = tmp_path_factory.mktemp("fitted")
    store = recognizers.make_store(folder / "store", trained.clips, copies=5)
    quiet = {"jobs": 1, "device": "cpu", "say": lambda line: None}
    ctc = shutil.copytree(trained.ctc, folder / "recognizer")
    featurestore.transcribe(store.path, checkpoint=str(ctc), **quiet)
    bert, hubert = (str(tiny.checkpoint(family, folder / family)) for family in ("bert", "hubert"))
    featurestore.extract(store.path, encoders=[bert], text="asr", **quiet)
    featurestore.extract(store.path, encoders=[bert, hubert], **quiet)
    store = Store(store.path)
    wanted = {
        "features": ("logistic", (), ASR),
        "words": ("text-cnn", ("embedding=own", "epochs=2"), WORDS),
        "both": ("logistic", (), "text.mean,text-asr.mean"),
    }
    options = {"protocol": "random-utterance", "say": lambda line: None}
    for name, (head, params, features) in wanted.items():
        fit_and_save(store, head=head, params=params, features=features, out=folder / name, **options)
    options |= {"missing": "both-trained"}
    fit_and_save(store, head="logistic", params=(), features=ASR, out=folder / "masked", **options)
    return store, ctc, {name: folder / name for name in (*wanted, "masked")}


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_clip_alone_is_predicted_as_from_stored_features(fitted, trained):
    store, _, bundles = fitted
    X, _, ids = store.matrix(ASR.split(","))
    for number in (0, 3):
        (found,) = predict(bundles["features"], audio=trained.clips / f"clip{number}.wav")
        assert found.recognized == recognizers.TEXTS[number]
        expected = load(bundles["features"]).head.predict_proba(X[[ids.index(f"u0{number}")]])[0]
        np.testing.assert_allclose(list(found.probabilities.values()), expected, atol=1e-4)


def test_the_words_are_said_and_in_the_json_answer(fitted, trained):
    _, _, bundles = fitted
    words = ("predict", bundles["features"], "--audio", trained.clips / "clip3.wav")
    assert "recognized: see the moon" in run(*words).stdout
    (answer,) = json.loads(run(*words, "--json").stdout)
    assert answer["recognized"] == "see the moon"
    given = run(*words, "--text", "see the moon", "--json")
    assert "--text is read in place of the words that asr would recognize" in given.stderr
    (same,) = json.loads(given.stdout)
    assert same["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-5)
    assert "recognized" not in same


def test_a_head_of_words_alone_needs_the_clip_alone(fitted, trained):
    _, _, bundles = fitted
    (found,) = predict(bundles["words"], audio=trained.clips / "clip4.wav")
    assert found.recognized == "go home now"
    (same,) = predict(bundles["words"], text="go home now")
    assert same.probabilities == pytest.approx(found.probabilities, abs=1e-6)


def test_a_moved_recognizer_is_found_and_another_one_refused(fitted, trained, tmp_path):
    _, ctc, bundles = fitted
    clip = trained.clips / "clip1.wav"
    moved = shutil.move(ctc, tmp_path / "moved")
    try:
        with pytest.raises(NotFound, match="there is no checkpoint folder"):
            predict(bundles["features"], audio=clip)
        (found,) = predict(bundles["features"], audio=clip, encoders=[f"asr={moved}"])
        assert found.recognized == "no"
        with pytest.raises(Mismatch, match="encoder asr at .* is not the one that the bundle was fitted on"):
            predict(bundles["features"], audio=clip, encoders=[f"asr={trained.whisper}"])
        with pytest.raises(BadValue, match="no encoder foo") as caught:
            predict(bundles["features"], audio=clip, encoders=[f"foo={moved}"])
        assert caught.value.expected == "one of audio, text-asr, asr"
        (given,) = predict(bundles["features"], audio=clip, text="no")  # needs no recognizer
        assert given.emotion == found.emotion
    finally:
        shutil.move(moved, ctc)


def test_rows_of_a_table_without_text_are_transcribed(fitted, trained, tmp_path):
    _, _, bundles = fitted
    rows = [f"{trained.clips}/clip0.wav,", f"{trained.clips}/clip1.wav,hello you", "missing.wav,", ",well"]
    (tmp_path / "clips.csv").write_text("\n".join(["audio,text", *rows]) + "\n", "utf-8")
    lines = []
    found = predict(bundles["features"], table=tmp_path / "clips.csv", say=lines.append)
    assert [one.recognized for one in found] == ["yes", "", "", ""]
    assert "2 of 4 rows have no text, and are transcribed by asr" in lines
    assert found[2].reason.startswith("asr: no such file")
    assert "no audio file" in found[3].reason
    (given,) = predict(bundles["features"], audio=trained.clips / "clip1.wav", text="hello you")
    assert found[1].probabilities == pytest.approx(given.probabilities)
    (tmp_path / "bare.csv").write_text(f"audio\n{trained.clips}/clip2.wav\n", "utf-8")
    (bare,) = predict(bundles["features"], table=tmp_path / "bare.csv")
    assert bare.recognized == "hello you"


@pytest.mark.parametrize(
    ("bundle", "given", "message"),
    [
        ("features", {"text": "no"}, "this bundle needs audio"),
        ("both", {"audio": "clip0.wav"}, "this bundle needs a transcript"),
    ],
)
def test_what_is_missing_is_said(fitted, trained, bundle, given, message):
    _, _, bundles = fitted
    given = {name: trained.clips / value if name == "audio" else value for name, value in given.items()}
    with pytest.raises(BadValue, match=message):
        predict(bundles[bundle], **given)


def test_a_clip_without_words_says_so(fitted, tmp_path):
    _, _, bundles = fitted
    tiny.clip(tmp_path / "tone.wav", 0.01, 0)
    (found,) = predict(bundles["features"], audio=tmp_path / "tone.wav")
    assert found.reason.startswith("asr: ")
    assert not found.emotion


def test_a_bundle_that_can_do_without_text_transcribes_first(fitted, trained, tmp_path):
    _, _, bundles = fitted
    clip, tone, broken = trained.clips / "clip3.wav", tmp_path / "tone.wav", tmp_path / "broken.wav"
    (whole,) = predict(bundles["masked"], audio=clip)
    assert (whole.recognized, whole.missing) == ("see the moon", {})
    (given,) = predict(bundles["masked"], audio=clip, text="see the moon")
    assert given.probabilities == pytest.approx(whole.probabilities, abs=1e-5)
    (alone,) = predict(bundles["masked"], text="see the moon")
    assert alone.missing == {"audio": ""}
    tiny.clip(tone, 0.035, 0)  # too short for the recognizer alone
    broken.write_bytes(b"RIFF")
    (tmp_path / "clips.csv").write_text(f"audio,text\n{clip},\n,see the moon\n{tone},\n{broken},\n,\n", "utf-8")
    rows = predict(bundles["masked"], table=tmp_path / "clips.csv")
    assert rows[0].probabilities == pytest.approx(whole.probabilities, abs=1e-5)
    assert rows[1].probabilities == pytest.approx(alone.probabilities, abs=1e-5)
    for row, path in ((rows[2], tone), (rows[3], broken)):
        assert [row] == [replace(one, id=row.id) for one in predict(bundles["masked"], audio=path)]
    assert rows[2].missing.keys() == {"text"}
    assert rows[2].missing["text"].startswith("asr: ")
    assert rows[3].reason.startswith("asr: ")
    assert rows[4].reason == "the row has neither audio nor text"

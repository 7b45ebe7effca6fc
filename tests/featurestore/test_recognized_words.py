"""Text features of recognized words: `cli extract --text`, beside those of the corpus's own words."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import featurestore
from cli import main
from featurestore.commands import extract as command
from featurestore.encoder_inputs import list_inputs
from featurestore.errors import BadValue, Mismatch, NotFound
from featurestore.inspection.explain import explain
from featurestore.inspection.verify import verify
from featurestore.manifest import to_csv
from featurestore.recognized_words import find_transcript_source, open_words
from featurestore.shards.cut_store import cut_store
from featurestore.spec import parse_encoder
from featurestore.store import Store
from tests.support import recognizers, tiny


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return str(tiny.checkpoint("bert", tmp_path_factory.mktemp("text") / "bert"))


@pytest.fixture(scope="module")
def transcript(trained, tmp_path_factory):
    """Return the bytes of a transcript of the spoken clips."""
    store = recognizers.make_store(tmp_path_factory.mktemp("made") / "store", trained.clips)
    featurestore.transcribe(store.path, checkpoint=str(trained.ctc), jobs=1, device="cpu", say=lambda line: None)
    return (store.path / "transcripts" / "asr.h5").read_bytes()


@pytest.fixture
def store(trained, transcript, tmp_path):
    """Return a store whose manifest has the words that were recognized, with the transcript."""
    made = recognizers.make_store(tmp_path / "store", trained.clips)
    (made.path / "transcripts").mkdir()
    (made.path / "transcripts" / "asr.h5").write_bytes(transcript)
    return made


def extract(store, *encoders, text="asr", **options):
    options = {"say": lambda line: None, "jobs": 1, "device": "cpu"} | options
    return featurestore.extract(store.path, encoders=encoders, text=text, **options)[0]


def test_recognized_words_give_features_beside_those_of_the_corpus(store, bert):
    gold, recognized = extract(store, bert, text="gold"), extract(store, bert)
    assert (gold.path.name, recognized.path.name) == ("text.h5", "text-asr.h5")
    opened = Store(store.path)
    assert not {"transcript", "recognizer"} & set(opened.describe("text"))
    described = opened.describe("text-asr")
    assert described["transcript"] == {"name": "asr", "recognizer": opened.transcript("asr").fingerprint}
    assert described["recognizer"] == opened.transcript("asr").recognizer
    assert not set(opened.file("text").keys()) & set(opened.file("text-asr").keys())
    # the same words, so the same vectors
    X, _, _ = opened.matrix(["text.mean"])
    Z, _, _ = opened.matrix(["text-asr.mean"])
    np.testing.assert_array_equal(X, Z)
    assert extract(store, bert, text="gold").reused == extract(store, bert).reused == 6
    assert verify(store.path, sample=2).is_intact


def test_the_words_of_the_corpus_are_the_default(store, bert):
    featurestore.extract(store.path, encoders=[bert], jobs=1, device="cpu", say=lambda line: None)
    plain = Store(store.path).file("text").header
    extract(store, bert, text="gold")
    assert Store(store.path).file("text").header == plain


@pytest.mark.parametrize(
    ("name", "expected"),
    [("", "text-asr"), ("text", "text-asr"), ("mine@2", "mine-asr@2"), ("text-asr", "text-asr")],
)
def test_the_name_of_the_transcript_is_added_once(store, name, expected):
    assert command._name_file(name, find_transcript_source(store, "asr")) == expected
    assert command._name_file(name, None) == name


def test_only_changed_words_are_encoded_again(store, bert):
    extract(store, bert)
    recognizers.rewrite(store, "asr", {"u01": "know", "u04": ""})
    (problem,) = verify(store.path).problems
    assert problem.startswith(
        "text-asr.h5: 2 utterances with a stale vector (the text has changed or is missing): u01, u04"
    )
    assert f"cli extract --store {store.path} --encoder text-asr={bert} --text asr" in problem
    explained = explain(store.path, "u01", "text-asr.mean")
    assert (explained["state"], explained["why"]) == ("stale", ["its text has changed"])
    assert (explained["utterance"]["text"], explained["utterance"]["recognized text"]) == ("no", "know")
    assert explain(store.path, "u02", "text-asr.mean")["state"] == "fresh"
    again = extract(store, bert)
    assert (again.encoded, again.reused, again.failed) == (1, 4, {"u04": "no transcript"})


def test_another_recognizer_is_noticed(store, trained, bert):
    extract(store, bert)
    featurestore.transcribe(store.path, checkpoint=str(trained.whisper), jobs=1, device="cpu", say=lambda line: None)
    (problem,) = verify(store.path).problems
    assert "transcript asr of" in problem
    assert "is of another recognizer now; do: extract the text encoder again with --text asr" in problem
    assert explain(store.path, "u01", "text-asr.mean")["state"] == "stale"
    lines = []
    assert extract(store, bert, say=lines.append).encoded == 6
    assert any("text-asr.h5 was made by another encoder" in line for line in lines)
    assert verify(store.path).is_intact


def test_a_missing_transcript_names_the_command(trained, bert, tmp_path):
    store = recognizers.make_store(tmp_path / "store", trained.clips)
    found = CliRunner().invoke(main, ["extract", "--store", str(store.path), "--encoder", bert, "--text", "asr"])
    assert found.exit_code == 1
    assert "has no transcript 'asr', nor any other" in found.stderr
    assert f"cli transcribe --store {store.path} --name asr --checkpoint CHECKPOINT" in found.stderr
    with pytest.raises(NotFound):
        extract(store, bert)


def test_a_transcript_of_other_clips_is_stale(store, trained, bert, tmp_path):
    shutil.copytree(trained.clips, tmp_path / "clips")
    tiny.clip(tmp_path / "clips" / "clip2.wav", 0.5, 1)
    moved = recognizers.make_store(store.path, tmp_path / "clips")  # the manifest stays the same
    with pytest.raises(Mismatch, match="is stale: the audio of 1 utterance has changed or is missing, u02 first"):
        extract(moved, bert)
    assert verify(moved.path).problems


def test_a_transcript_of_another_manifest_is_stale(store, bert):
    rows = [replace(row, label="hap") for row in store.utterances]
    (store.path / "utterances.csv").write_text(to_csv(rows), "utf-8")
    with pytest.raises(Mismatch, match="was made from another manifest"):
        extract(Store(store.path), bert)


def test_encoders_of_audio_read_no_transcript(store, tmp_path):
    hubert = str(tiny.checkpoint("hubert", tmp_path / "hubert"))
    with pytest.raises(BadValue, match="reads audio, and no transcript"):
        extract(store, hubert)


def test_the_default_encoders_of_a_transcript_are_those_of_text(store):
    default = [parse_encoder(one) for one in command.DEFAULT_ENCODERS]
    assert command._choose_encoders(store, text=False, say=print) == default
    assert [one.name for one in command._choose_encoders(store, text=True, say=print)] == ["text"]


def test_context_is_of_recognized_words_too(trained, store):
    rows = [replace(row, dialogue="d", start=float(place)) for place, row in enumerate(store.utterances)]
    (store.path / "utterances.csv").write_text(to_csv(rows), "utf-8")
    featurestore.transcribe(store.path, checkpoint=str(trained.ctc), jobs=1, device="cpu", say=lambda line: None)
    recognizers.rewrite(store, "asr", {"u00": "heard"})
    opened = Store(store.path)
    source = {"name": "asr", "recognizer": opened.transcript("asr").fingerprint}
    items = list_inputs(open_words(opened, {"transcript": source}), 2)
    assert [(one.text, one.context) for one in items[:3]] == [
        ("heard", ()),
        ("no", ("heard",)),
        ("hello you", ("heard", "no")),
    ]


def test_default_features_are_of_the_corpus_words_where_there_are_some(store, bert):
    extract(store, bert)
    assert Store(store.path).default_features() == ["text-asr.mean"]
    extract(store, bert, text="gold")
    assert Store(store.path).default_features() == ["text.mean"]
    extract(store, f"other={tiny.checkpoint('bert', store.path / 'other', seed=1)}")
    assert Store(store.path).default_features() == ["other-asr.mean", "text.mean"]  # it has no twin


def test_shards_read_their_own_transcripts(store, bert, tmp_path):
    extract(store, bert)
    cut_store(store.path, tmp_path / "cut", 4, say=lambda line: None)
    cut = Store(tmp_path / "cut")
    assert extract(cut, bert).reused == 6
    assert verify(cut.path, sample=1).is_intact
    (cut.path / cut.index.shards[0].name / "transcripts" / "asr.h5").unlink()
    with pytest.raises(NotFound, match="has no transcript"):
        extract(Store(cut.path), bert)

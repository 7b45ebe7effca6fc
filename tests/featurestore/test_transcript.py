"""Transcripts by tiny recognizers that are trained on a few spoken words: `cli transcribe`, and what reads its file."""

import json
import shutil
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import featurestore
from cli import main
from featurestore.encoders import identify
from featurestore.encoders.hf_ctc import HFCtc
from featurestore.encoders.hf_seq2seq import HFSeq2seq
from featurestore.errors import BadValue, Mismatch, NotFound, UnknownName
from featurestore.inspection.describe import describe
from featurestore.inspection.explain import explain
from featurestore.inspection.verify import verify
from featurestore.manifest import to_csv
from featurestore.shards.cut_store import cut_store
from featurestore.spec import EncoderSpec, Recognition
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.support import recognizers, tiny

NAMES = ("ctc", "whisper")


def transcribe(store, checkpoint, **options):
    return featurestore.transcribe(store.path, checkpoint=str(checkpoint), jobs=1, device="cpu", **options)


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def transcribed(trained, tmp_path_factory):
    """Return a store with a transcript by each recognizer, in which one text is another word than is spoken."""
    texts = ("yes", "know", "Hello, you!", "", "go home now", "all is well")
    store = recognizers.make_store(tmp_path_factory.mktemp("spoken") / "store", trained.clips, texts, copies=2)
    done = {name: transcribe(store, getattr(trained, name), name=name) for name in NAMES}
    return store, done


@pytest.mark.parametrize("name", NAMES)
def test_a_recognizer_writes_down_the_spoken_words(transcribed, trained, name):
    store, _ = transcribed
    found = Store(store.path).transcript(name)
    expected = {f"u{copy}{number}": text for copy in range(2) for number, text in enumerate(recognizers.TEXTS)}
    assert found.texts == expected
    for utterance_id, text in expected.items():
        confidence = found.confidences[utterance_id]
        assert confidence.shape == (len(text.split()),)
        assert (confidence > 0.5).all()
        assert (confidence <= 1).all()
    assert set(found.times) == (set(expected) if name == "ctc" else set())
    for utterance_id, times in found.times.items():
        seconds = len(recognizers.read_clip(trained.clips, int(utterance_id[-1]))) / recognizers.RATE
        assert (np.diff(times.reshape(-1)) >= 0).all()  # words follow each other, and end after they begin
        assert times.min() >= 0
        assert times.max() <= seconds + 0.02  # a frame


@pytest.mark.parametrize("name", NAMES)
def test_words_are_those_of_transformers_alone(trained, name):
    import torch
    import transformers as hf

    folder = getattr(trained, name)
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    extractor = hf.AutoFeatureExtractor.from_pretrained(folder)
    kind = hf.AutoModelForCTC if name == "ctc" else hf.AutoModelForSpeechSeq2Seq
    model = kind.from_pretrained(folder).eval()
    identity = identify(EncoderSpec("asr", str(folder), recognition=Recognition()))
    encoder = (HFCtc if name == "ctc" else HFSeq2seq)(identity, "cpu")
    for number, text in enumerate(recognizers.TEXTS):
        samples = recognizers.read_clip(trained.clips, number)
        inputs = extractor(samples, sampling_rate=recognizers.RATE, return_tensors="pt")
        inputs.pop("attention_mask", None)
        with torch.no_grad():
            if name == "ctc":
                logits = model(**inputs).logits[0]
                plain = tokenizer.decode(logits.argmax(-1), output_word_offsets=True)
                words, spans = (
                    plain.text.lower(),
                    [(one["start_offset"], one["end_offset"]) for one in plain.word_offsets],
                )
            else:
                words = tokenizer.decode(
                    model.generate(**inputs, task="transcribe")[0], skip_special_tokens=True
                ).strip()
        (found,) = encoder.encode([encoder.reader.read(samples)], frozenset(identity.kinds))
        assert found["text"].tobytes().decode() == words == text
        if name == "ctc":
            assert found["times"] * identity.description["rate"] == pytest.approx(np.array(spans))


@pytest.mark.parametrize("name", NAMES)
def test_words_do_not_depend_on_the_batch(trained, name):
    identity = identify(EncoderSpec("asr", str(getattr(trained, name)), recognition=Recognition("", "transcribe")))
    encoder = (HFCtc if name == "ctc" else HFSeq2seq)(identity, "cpu")
    clips = [encoder.reader.read(recognizers.read_clip(trained.clips, number)) for number in (0, 3, 5)]
    alone = [encoder.encode([clip], frozenset()) for clip in clips]
    encoder.budget = 10**9  # as on a GPU
    for (one,), together in zip(alone, encoder.encode(clips, frozenset()), strict=True):
        assert one.keys() == together.keys()
        for kind, values in one.items():
            assert together[kind] == pytest.approx(values, abs=1e-4)


def test_word_errors_are_printed_overall_and_by_label(transcribed, trained):
    store, done = transcribed
    errors = done["ctc"].errors
    assert (errors.overall.words, errors.overall.substitutions, errors.without_words) == (20, 2, 2)
    assert {label: count.rate for label, count in errors.by_label.items()} == {"ang": 0, "neu": 0, "sad": 0.25}
    words = ("transcribe", "--store", store.path, "--checkpoint", trained.ctc, "--name", "ctc", "--jobs", 1)
    text = run(*words)
    assert text.exit_code == 0
    assert "12 utterances, 0 encoded now, 12 reused, 0 failed" in text.stdout
    assert "  all   10.0 %  of 20 words in 10 utterances: 2 substituted, 0 deleted, 0 inserted" in text.stdout
    answer = json.loads(run(*words, "--json").stdout)
    assert answer["word_errors"]["overall"]["word_error_rate"] == 0.1
    assert answer["word_errors"]["without_words"] == 2
    assert answer["transcript"] == "ctc"


def test_without_jiwer_it_still_transcribes(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jiwer", None)
    store = recognizers.make_store(tmp_path / "store", trained.clips)
    found = run("transcribe", "--store", store.path, "--checkpoint", trained.ctc, "--jobs", 1)
    assert found.exit_code == 0
    assert (
        "no word error rate: the word error rate needs the package jiwer; do: pip install 'emofuse[asr]'"
        in found.stdout
    )
    assert Store(store.path).transcripts() == ["asr"]


def test_a_clip_that_cannot_be_read_fails_alone(trained, tmp_path):
    store = recognizers.make_store(tmp_path / "store", trained.clips, copies=1)
    rows = [*store.utterances]
    rows[2] = type(rows[2])(**{**vars(rows[2]), "audio": "missing.wav"})
    tiny.clip(tmp_path / "long.wav", 2.5, 0)
    rows[3] = type(rows[3])(**{**vars(rows[3]), "audio": str(tmp_path / "long.wav")})
    (store.path / "utterances.csv").write_text(to_csv(rows), "utf-8")
    found = run("transcribe", "--store", store.path, "--checkpoint", trained.whisper, "--language", "en", "--jobs", 1)
    assert found.exit_code == 3
    assert "u02: no such file" in found.stdout
    assert "u03: 2.5 s long: whisper writes down at most 2 s; cut it, or take a recognizer with CTC" in found.stdout
    assert "not counted: 0 utterances without words of the corpus, 2 that failed" in found.stdout
    transcript = Store(store.path).transcript("asr")
    assert set(transcript.failed) == {"u02", "u03"}
    assert set(transcript.texts) == {"u00", "u01", "u04", "u05"}


def test_language_and_task_are_part_of_what_words_are(trained):
    asked = (("", "transcribe"), ("en", "transcribe"), ("de", "transcribe"), ("en", "translate"))
    specs = [EncoderSpec("asr", str(trained.whisper), recognition=Recognition(*one)) for one in asked]
    identities = [identify(one) for one in specs]
    assert len({one.fingerprint() for one in identities}) == 4
    german = identify(EncoderSpec("asr", str(trained.whisper), recognition=Recognition("German")))
    assert german.fingerprint() == identities[2].fingerprint()
    assert german.place == "transcripts/asr.h5"


def test_a_translation_is_not_compared_with_the_spoken_words(trained, tmp_path):
    store = recognizers.make_store(tmp_path / "store", trained.clips)
    done = transcribe(store, trained.whisper, task="translate", language="de")
    assert (done.errors, done.note) == (None, "a translation is not compared with the words that are spoken")
    assert done.extraction.encoded == 6


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("audio", {}, "does not write down words"),
        ("ctc", {"language": "en"}, "has no choice of languages and tasks"),
        ("ctc", {"task": "translate"}, "has no choice of languages and tasks"),
        ("whisper", {"language": "klingon"}, "language 'klingon'"),
        ("ctc", {"name": "gold"}, "invalid name of a transcript 'gold'"),
        ("ctc", {"name": "a/b"}, "invalid name of a transcript 'a/b'"),
    ],
)
def test_what_cannot_be_asked_is_said(trained, tmp_path, model, options, message):
    store = recognizers.make_store(tmp_path / "store", trained.clips)
    folder = tiny.checkpoint("hubert", tmp_path / "audio") if model == "audio" else getattr(trained, model)
    with pytest.raises((BadValue, UnknownName), match=message):
        transcribe(store, folder, **options)
    assert not (store.path / "transcripts").exists()


def test_a_store_says_which_transcripts_it_has(transcribed):
    store, _ = transcribed
    with pytest.raises(UnknownName, match="transcript 'whisp'") as caught:
        store.transcript("whisp")
    assert "whisper" in str(caught.value)
    assert store.encoders() == []
    with pytest.raises(NotFound, match="holds no features yet"):
        store.default_features()


def test_a_store_without_transcripts_names_the_command(trained, tmp_path):
    store = recognizers.make_store(tmp_path / "store", trained.clips)
    with pytest.raises(NotFound, match="has no transcript 'asr', nor any other") as caught:
        store.transcript("asr")
    assert caught.value.do == f"cli transcribe --store {store.path} --name asr --checkpoint CHECKPOINT"


def test_a_transcript_is_inspected_explained_and_verified(transcribed):
    store, _ = transcribed
    shown = describe(store.path)
    assert shown["feature files"] == {}
    assert {name: (one["words"], one["state"]) for name, one in shown["transcripts"].items()} == dict.fromkeys(
        NAMES, (26, "fresh")
    )
    file = describe(store.path / "transcripts" / "ctc.h5")
    assert file["first words"]["u03"] == "see the moon"
    found = explain(store.path, "u03", "ctc.text")
    assert (found["text"], found["state"], found["utterance"]["text"]) == ("see the moon", "fresh", "")
    assert len(found["confidence"]) == len(found["times"]) == 3
    assert explain(store.path, "u03", "whisper.text")["times"] == []
    checked = verify(store.path, sample=2)
    assert checked.is_intact
    assert "transcripts/ctc.h5: 12 utterances, 0 failed, intact" in checked.checked


def test_changed_audio_and_damage_are_noticed(trained, tmp_path):
    clips = tmp_path / "clips"
    shutil.copytree(trained.clips, clips)
    store = recognizers.make_store(tmp_path / "store", clips)
    transcribe(store, trained.ctc)
    tiny.clip(clips / "clip1.wav", 0.5, 3)
    (problem,) = verify(store.path).problems
    assert problem.startswith("transcripts/asr.h5: 1 utterance with a stale vector (the audio has changed")
    assert f"cli transcribe --store {store.path} --name asr --checkpoint {trained.ctc} --paranoid" in problem
    assert explain(store.path, "u01", "asr.text")["state"] == "stale"
    again = transcribe(store, trained.ctc)
    assert (again.extraction.encoded, again.extraction.reused) == (1, 5)
    path = store.path / "transcripts" / "asr.h5"
    place = FeatureFile(path)._layout["text/value"].offset
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"X")
    assert any("dataset text/value is damaged" in line for line in verify(store.path).problems)


def test_another_recognizer_under_the_same_name_is_said(trained, tmp_path):
    store, lines = recognizers.make_store(tmp_path / "store", trained.clips), []
    transcribe(store, trained.ctc)
    transcribe(store, trained.whisper, say=lines.append)
    assert any("was made by another recognizer; transcribing it again" in line for line in lines)
    assert any("to keep both transcripts, name the new one: --name NAME" in line for line in lines)
    assert any("the language is detected in each clip" in line for line in lines)


def test_a_trial_run_writes_no_transcript(trained, tmp_path):
    store = recognizers.make_store(tmp_path / "store", trained.clips)
    done = transcribe(store, trained.ctc, limit=2)
    assert (done.extraction.trial.missing, done.errors) == (4, None)
    assert store.transcripts() == []
    assert any(note.startswith("asr.parts holds ") for note in verify(store.path).notes)
    with pytest.raises(NotFound, match="has no transcript"):
        store.transcript("asr")
    assert transcribe(store, trained.ctc).extraction.reused == 2


def test_shards_are_transcribed_and_read_as_one(trained, tmp_path):
    store = recognizers.make_store(tmp_path / "store", trained.clips)
    transcribe(store, trained.ctc)
    cut_store(store.path, tmp_path / "cut", 4, say=lambda line: None)
    cut = Store(tmp_path / "cut")
    assert cut.transcripts() == ["asr"]
    assert cut.transcript("asr").texts == store.transcript("asr").texts
    again = transcribe(cut, trained.ctc)
    assert (again.extraction.encoded, again.extraction.reused) == (0, 6)
    transcribe(cut, trained.whisper, name="other")
    assert cut.transcript("other").texts == store.transcript("asr").texts
    assert verify(cut.path).is_intact


def test_a_transcript_of_another_manifest_is_stale(trained, tmp_path):
    store = recognizers.make_store(tmp_path / "store", trained.clips)
    transcribe(store, trained.ctc)
    fewer = recognizers.make_store(tmp_path / "store", trained.clips, recognizers.TEXTS[:4])
    with pytest.raises(Mismatch, match="was made from another manifest") as caught:
        fewer.transcript("asr")
    assert caught.value.do == f"cli transcribe --store {store.path} --name asr --checkpoint {trained.ctc}"

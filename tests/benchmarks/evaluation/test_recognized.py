"""Recognized words in an evaluation: which transcript goes with the features, and what heads of words are given."""

import sys
from dataclasses import dataclass, field, replace

import pytest

from benchmarks.evaluation.feature_sets import FeatureSet, parse_feature_sets
from benchmarks.evaluation.fold_features import FoldFeatures, resolve
from benchmarks.evaluation.head_features import TRANSCRIPTS, choose_feature_sets
from benchmarks.evaluation.recognized import (
    JoinedTranscript,
    find_transcript,
    join_transcripts,
    measure_transcripts,
    read_words,
)
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from featurestore.errors import Mismatch, UnknownName
from featurestore.folds.fold import Fold
from featurestore.spec import parse_feature
from tests.support.fake_store import FakeStore, conversations

OWN = {"embedding": "own"}


@dataclass
class Transcribed(FakeStore):
    """A store with the transcripts `asr` and `other`, each read by a text encoder `text-NAME`."""

    words: dict[str, str] = field(default_factory=dict)
    unheard: dict[str, str] = field(default_factory=dict)  # by id, why it was not transcribed

    def transcripts(self):
        return ["asr", "other"]

    def transcript(self, name):
        return JoinedTranscript(self.words, {"checkpoint": name}, name, self.unheard)

    def modality(self, encoder):
        return encoder.partition("-")[0]

    def describe(self, encoder):
        _, _, name = encoder.partition("-")
        return super().describe(encoder) | ({"transcript": {"name": name}} if name else {})


@pytest.fixture
def store():
    rows = conversations()
    return Transcribed(rows, words={row.id: row.text.replace("am", "was") for row in rows[1:]})


def features(*names, words=""):
    specs = tuple(map(parse_feature, names))
    return FoldFeatures(specs, specs, words=words)


@pytest.mark.parametrize(
    ("names", "words", "expected"),
    [
        (["audio.mean", "text-asr.mean"], "", "asr"),
        (["text-asr.mean", "text-asr.logits"], "", "asr"),
        (["audio.mean", "text.mean"], "", ""),
        (["text.mean", "text-asr.mean"], "", ""),
        (["text-other.mean", "text-asr.mean"], "", ""),
        (["audio.mean"], "", ""),
        ([], "", ""),
        ([], "other", "other"),
    ],
)
def test_words_are_those_that_all_text_features_read(store, names, words, expected):
    assert find_transcript(store, features(*names, words=words)) == expected


def test_words_of_a_transcript_are_read_by_id(store):
    first, second = store.utterances[:2]
    ids = {first.id, second.id}
    assert read_words(store, features("text.mean"), ids) == {first.id: first.text, second.id: second.text}
    # the first utterance was not transcribed
    assert read_words(store, features("text-asr.mean"), ids) == {first.id: "", second.id: store.words[second.id]}


def test_a_head_of_words_alone_is_given_the_transcript_that_is_named(store):
    sets = parse_feature_sets("asr.text,gold.text,audio.mean,mine=other.text")
    lines = []
    found = choose_feature_sets(store, "text-cnn", OWN, sets, lines.append)
    assert found == [FeatureSet("asr.text", words="asr"), TRANSCRIPTS, FeatureSet("mine", words="other")]
    assert lines == ["left out: head text-cnn reads the words of transcripts and no features (features audio.mean)"]
    assert choose_feature_sets(store, "text-cnn", OWN, (), print) == [TRANSCRIPTS]
    fold = Fold("1", ("a",), ("b",))
    assert [resolve(store, one, [fold]).folds[0].words for one in found] == ["asr", "", "other"]


def test_utterances_without_recognized_words_are_left_out_with_the_reason(store):
    first, second, third, fourth = [row.id for row in store.utterances if row.label][:4]
    words = {one: text for one, text in store.words.items() if one != second} | {third: ""}
    found = replace(store, words=words, unheard={second: "silent"}, lacking={"audio": {third: "broken", fourth: "no"}})
    expected = {first: "asr: not transcribed", second: "asr: silent", third: "asr: no words recognized"}
    config = BenchmarkConfig.parse(("text-cnn",), "asr.text", params=["text-cnn.embedding=own"], protocol="holdout")
    lines = []
    planned = plan(found, config, lines.append)
    assert planned.dropped == expected
    assert any(f"3 of 72 utterances have no features and are left out: {first} (asr: not" in line for line in lines)
    assert not expected.keys() & {one for fold in planned.folds for one in (*fold.train, *fold.test)}
    assert all(planned.specs[0].surroundings.words.values())
    heads, sets = ("text-cnn", "svm"), "asr.text,audio.mean"
    config = BenchmarkConfig.parse(heads, sets, params=["text-cnn.embedding=own"], protocol="holdout")
    # an utterance that lacks both has the reason of the features
    assert plan(found, config, lines.append).dropped == expected | {third: "broken", fourth: "no"}
    config = BenchmarkConfig.parse(heads[:1], "gold.text", params=["text-cnn.embedding=own"], protocol="holdout")
    assert plan(found, config, lines.append).dropped == {}


def test_a_head_of_features_is_given_no_words(store):
    lines = []
    found = choose_feature_sets(store, "svm", {}, parse_feature_sets("asr.text,audio.mean"), lines.append)
    assert [one.name for one in found] == ["audio.mean"]
    assert lines == ["left out: head svm reads features, and asr.text are words"]
    with pytest.raises(Mismatch, match="head svm reads features, and asr.text are words"):
        choose_feature_sets(store, "svm", {}, parse_feature_sets("asr.text"), print)
    with pytest.raises(UnknownName, match="unknown feature 'nope.text': nowhere has no transcript 'nope'") as caught:
        choose_feature_sets(store, "svm", {}, parse_feature_sets("nope.text"), print)
    assert caught.value.expected == "gold.text, asr.text, other.text"
    assert caught.value.do == "cli transcribe --store nowhere --name nope"
    with pytest.raises(UnknownName, match="unknown feature 'audio.text'"):
        choose_feature_sets(store, "svm", {}, parse_feature_sets("audio.text"), print)


def test_transcripts_of_two_stores_are_joined_if_their_recognizer_is_the_same():
    first, second = (JoinedTranscript({"a": text}, {"checkpoint": text}, "same", {"b": text}) for text in ("yes", "no"))
    found = join_transcripts("asr", {"trained": first, "tested": second})
    assert found.texts == {"trained:a": "yes", "tested:a": "no"}
    assert found.failed == {"trained:b": "yes", "tested:b": "no"}
    assert (found.recognizer, found.fingerprint) == ({"checkpoint": "yes"}, "same")
    with pytest.raises(Mismatch, match="transcript asr is not of the same recognizer in the two stores"):
        join_transcripts("asr", {"trained": first, "tested": replace(second, fingerprint="another")})


def test_errors_are_counted_by_class_for_the_transcripts_that_are_read(store, monkeypatch):
    fold = Fold("1", ("a",), ("b",))
    sets = parse_feature_sets("audio.mean+text-asr.mean,text.mean")
    resolved = [resolve(store, one, [fold]) for one in sets]
    classes = {row.id: row.label.upper() for row in store.utterances if row.label}
    found = measure_transcripts(store, resolved, classes)
    assert list(found) == ["asr"]
    assert set(found["asr"]["by_label"]) == {"ANG", "HAP", "SAD"}
    assert found["asr"]["overall"]["word_error_rate"] == pytest.approx(1 / 3)  # "am" of "I am …"
    assert found["asr"]["not_transcribed"] == 1
    assert measure_transcripts(store, resolved[1:], classes) == {}
    monkeypatch.setitem(sys.modules, "jiwer", None)
    assert measure_transcripts(store, resolved, classes) == {
        "asr": {"note": "the word error rate needs the package jiwer"}
    }

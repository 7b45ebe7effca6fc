import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cli import main
from featurestore.checkpoints import LABELS, PRETRAINING, TrainingCorpus
from featurestore.exposure import Exposure
from featurestore.known_training import (
    CARD,
    add_known,
    describe_training,
    find_cards,
    find_same_corpus,
    find_training,
)
from featurestore.manifest import Utterance

AUDEERING = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
MSP = {"corpus": "msp-podcast", "reader": "msp-podcast"}


def encoder(checkpoint, *origins):
    return {"checkpoint": checkpoint, **({"origins": list(origins)} if origins else {})}


def test_a_card_leads_to_the_cards_of_its_start():
    assert [name for name, _ in find_cards(AUDEERING)] == [AUDEERING, "facebook/wav2vec2-large-robust"]


@pytest.mark.parametrize("name", ["", "someone/unknown", "egemaps", "facebook/wav2vec2-base-960h-copy"])
def test_nothing_is_claimed_of_an_unknown_checkpoint(name):
    assert find_training(encoder(name)) == []


def test_an_encoder_without_a_checkpoint_claims_nothing_even_in_a_folder_of_one(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text(json.dumps({"_name_or_path": AUDEERING}))
    monkeypatch.chdir(tmp_path)
    assert find_training({"class": "hf-text"}) == []


def test_case_and_revision_do_not_matter():
    found = find_training(encoder("facebook/Wav2Vec2-base-960h@0b5b8e8"))
    assert [(one.training.corpus, one.training.use) for one in found] == [
        ("LibriSpeech", "speech recognition"),
        ("LibriSpeech", "pretraining"),
    ]


def test_a_folder_is_known_by_its_recorded_origins_and_else_by_its_files(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"_name_or_path": AUDEERING}))
    assert find_same_corpus(encoder("/moved/elsewhere", AUDEERING), MSP)
    assert find_same_corpus(encoder(str(tmp_path)), MSP)
    assert not find_same_corpus(encoder("/moved/elsewhere"), MSP)
    assert not find_same_corpus(encoder(str(tmp_path), "someone/unknown"), MSP)


@pytest.mark.parametrize(
    "info",
    [
        {"corpus": "MSP_Podcast", "reader": "table"},
        {"corpus": "mine", "reader": "msp-podcast"},
        {"corpus": "msp podcast"},
    ],
)
def test_a_corpus_is_known_by_its_name_or_its_reader_in_any_spelling(info):
    (found,) = find_same_corpus(encoder(AUDEERING), info)
    assert str(found) == (
        f"checkpoint {AUDEERING} was trained on msp-podcast (emotion labels, release 1.7, partitions train, dev, val), "
        "see https://arxiv.org/abs/2203.07378"
    )


def test_utterances_of_labels_are_known_by_the_card_and_others_are_not():
    rows = [Utterance(name, partition=name) for name in ("Train", "Development", "Validation", "Test1", "")]
    found = add_known(Exposure({"Test1": "id"}, ("x",)), encoder(AUDEERING), MSP, rows)
    assert found.known == {"Train": CARD, "Development": CARD, "Validation": CARD, "": CARD, "Test1": "id"}
    assert (found.suspects, found.notes) == (("x",), ())


def test_evidence_of_a_fine_tuning_here_comes_before_the_card():
    found = add_known(Exposure({"a": "clip"}), encoder(AUDEERING), MSP, [Utterance("a", partition="Train")])
    assert found.known == {"a": "clip"}


def test_pretraining_on_the_corpus_is_a_note_alone():
    found = add_known(Exposure({}), encoder("emotion2vec/emotion2vec_base"), MSP, [Utterance("a")])
    assert found.known == {}
    (note,) = found.notes
    assert "msp-podcast (pretraining, release 1.8)" in note


def test_labels_of_the_start_count_for_what_is_tuned_from_it():
    found = add_known(Exposure({}), encoder("iic/emotion2vec_plus_large"), {"corpus": "emodb"}, [Utterance("a")])
    assert found.known == {"a": CARD}


def test_an_unrelated_corpus_changes_nothing():
    before = Exposure({"a": "id"}, ("b",), ("said before",))
    assert add_known(before, encoder(AUDEERING), {"corpus": "emodb"}, [Utterance("c")]) == before


@given(st.sampled_from(["train", "dev", "test"]), st.text("abcXYZ12", max_size=4))
def test_a_partition_is_covered_by_the_beginning_of_its_name(begin, end):
    some = TrainingCorpus("meld", LABELS, ("train", "dev"))
    assert some.covers(f"{begin.title()}{end}") == (begin != "test")
    assert TrainingCorpus("meld", PRETRAINING).covers(f"{begin}{end}")


@pytest.mark.parametrize("partition", ["", "fold 3", "A"])
def test_an_unknown_partition_may_have_been_seen(partition):
    assert TrainingCorpus("meld", LABELS, ("train", "dev")).covers(partition)


def test_training_is_described_by_checkpoint():
    assert describe_training(encoder(AUDEERING)) == {
        AUDEERING: ["msp-podcast (emotion labels, release 1.7, partitions train, dev, val)"],
        "facebook/wav2vec2-large-robust": [
            f"{corpus} (pretraining)" for corpus in ("Libri-Light", "Common Voice", "Switchboard", "Fisher")
        ],
    }


def test_cards_are_listed_as_text_and_as_json():
    told = CliRunner().invoke(main, ["list", "checkpoints"]).output
    assert f"{AUDEERING}\n  emotion labels: msp-podcast\n  starts from: facebook/wav2vec2-large-robust\n" in told
    found = json.loads(CliRunner().invoke(main, ["list", "checkpoints", "--json"]).output)
    (card,) = found["audeering"]
    assert card["training"] == [
        {
            "corpus": "msp-podcast",
            "use": "emotion labels",
            "partitions": ["train", "dev", "val"],
            "release": "1.7",
            "source": card["source"],
        }
    ]

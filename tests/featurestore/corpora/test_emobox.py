import json

import pytest

from featurestore.corpora import emobox, ravdess
from featurestore.errors import BadValue, NotFound
from featurestore.protocols import official
from tests.support.others import list_findings, write_clip


def row(name, label="sad", corpus="calls"):
    wav = f"downloads/{corpus}/{name}.wav"
    return {"key": f"{corpus}-{name}", "dataset": corpus, "wav": wav, "emo": label, "channel": 1, "length": 1.0}


def write(root, lists, corpus="calls"):
    """Write the lists of each fold: `{1: {"train": [...], "test": [...]}}`, and return their folder."""
    for fold, parts in lists.items():
        for part, rows in parts.items():
            path = root / f"data/{corpus}/fold_{fold}/{corpus}_{part}_fold_{fold}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return root / "data" / corpus


A, B, C = row("a", "hap"), row("b"), row("c")
UNKNOWN = "partitions whose speakers are unknown; whether training and test share speakers cannot be told"


def test_test_parts_of_folds_are_partitions(tmp_path):
    root = write(tmp_path, {1: {"train": [B, C], "test": [A]}, 2: {"train": [A], "test": [B, C]}})
    write_clip(tmp_path / "downloads/calls/a.wav")
    reading = emobox.utterances(root)
    rows = {one.id: one for one in reading.utterances}
    assert {one: (rows[one].partition, rows[one].label) for one in rows} == {
        "calls-a": ("fold_1", "hap"),
        "calls-b": ("fold_2", "sad"),
        "calls-c": ("fold_2", "sad"),
    }
    assert (rows["calls-a"].audio, rows["calls-a"].duration) == (str(tmp_path / "downloads/calls/a.wav"), 1)
    assert list_findings(reading) == {
        "utterances whose audio file is missing, kept without a duration": ("calls-b", "calls-c"),
        UNKNOWN: ("fold_1", "fold_2"),
    }
    folds = official.folds(reading.utterances, {one: rows[one].label for one in rows}, 0)
    assert [(sorted(fold.train), sorted(fold.test)) for fold in folds] == [
        (["calls-b", "calls-c"], ["calls-a"]),
        (["calls-a"], ["calls-b", "calls-c"]),
    ]


def test_a_single_fold_is_training_dev_and_test(tmp_path):
    root = write(tmp_path, {1: {"train": [A], "valid": [B], "test": [C, B]}})
    reading = emobox.utterances(root)
    assert {one.id: one.partition for one in reading.utterances} == {
        "calls-a": "train",
        "calls-b": "test",
        "calls-c": "test",
    }
    found = list_findings(reading)
    assert found["utterances in several parts of the fold; the last of training, dev and test is kept"] == ("calls-b",)
    assert found[UNKNOWN] == ("test",)


def test_folds_that_are_no_partition_are_a_finding(tmp_path):
    root = write(tmp_path, {1: {"train": [B, C], "test": [A]}, 2: {"train": [C], "test": [A]}})
    reading = emobox.utterances(root)
    assert {one.partition for one in reading.utterances} == {""}
    what = "folds whose test parts are not each utterance once; partitions are left empty"
    assert list_findings(reading)[what] == ("fold_1, fold_2: 2 utterances in no test part, 1 in several",)


def test_training_that_is_not_all_other_folds_is_a_finding(tmp_path):
    root = write(tmp_path, {1: {"train": [B], "test": [A]}, 2: {"test": [B]}, 3: {"train": [A, B], "test": [C]}})
    found = list_findings(emobox.utterances(root))
    what = "folds whose training part is not that of all other folds, which the protocol official trains on"
    assert found[what] == ("fold_1",)
    assert found["folds without a list of training; the protocol official trains on all other folds"] == ("fold_2",)


@pytest.mark.parametrize("nested", ["", "audio/Audio_Speech_Actors_01-24/Actor_01/"])
def test_the_reader_of_the_corpus_tells_the_speakers(tmp_path, nested):
    names = [f"03-01-0{emotion}-01-01-01-0{actor}" for emotion in (3, 5) for actor in (1, 2)]
    for number, name in enumerate(names):
        write_clip(tmp_path / f"downloads/ravdess/{nested}{name}.wav", 1 + number / 100)
    rows = [row(name, corpus="ravdess") | {"length": None} for name in [*names, "03-01-05-01-01-01-09"]]
    root = write(tmp_path, {1: {"train": rows[:1], "test": rows[1:]}}, "ravdess")
    reading = emobox.utterances(root)
    own = {one.id: one for one in ravdess.utterances(tmp_path / "downloads/ravdess").utterances}
    for one in reading.utterances[:4]:
        known = own[one.id.removeprefix("ravdess-")]
        assert (one.speaker, one.gender, one.text) == (known.speaker, known.gender, known.text)
        assert one.speaker
        assert one.duration == known.duration
    assert reading.utterances[4].speaker == ""
    found = list_findings(reading)
    assert found["speakers, genders and texts read from the clips, by the reader of ravdess"] == (
        f"4 of 5 clips in {tmp_path}/downloads/ravdess",
    )
    assert found["partitions that share speakers between training and test"] == (
        "test: 1 of 2 test speakers are also in training",
    )


def test_clips_that_the_reader_refuses(tmp_path):
    write_clip(tmp_path / "downloads/ravdess/a.wav")
    root = write(
        tmp_path, {1: {"train": [row("a", corpus="ravdess")], "test": [row("b", corpus="ravdess")]}}, "ravdess"
    )
    reading = emobox.utterances(root)
    assert reading.utterances[0].duration == 1
    what = "lists of a corpus whose clips its own reader refuses; speaker, gender and text are left empty"
    assert list_findings(reading)[what][0].startswith("ravdess: ")


def test_lists_of_another_name_are_findings(tmp_path):
    root = write(tmp_path, {1: {"train": [A], "test": [B]}})
    (root / "fold_1/calls_test_fold1.jsonl").write_text("")
    (root / "fold_1/calls_test2_fold_1.jsonl").write_text("")
    assert list_findings(emobox.utterances(root))["lists of another name than EmoBox's, ignored"] == (
        "calls_test2_fold_1.jsonl",
        "calls_test_fold1.jsonl",
    )


def test_wrong_folders(tmp_path):
    with pytest.raises(NotFound, match="holds no lists of EmoBox"):
        emobox.utterances(tmp_path)
    write(tmp_path, {1: {"train": [A], "test": [B]}})
    write(tmp_path, {1: {"train": [row("a", corpus="talks")], "test": []}}, "talks")
    with pytest.raises(BadValue, match="holds the lists of 2 corpora\n  expected: one\n  got: calls, talks"):
        emobox.utterances(tmp_path)
    write(tmp_path / "lists", {1: {"train": [row("a", corpus="zoo")], "test": []}}, "zoo")
    write(tmp_path / "lists", {1: {"train": [row("a", corpus="air")], "test": []}}, "air")
    with pytest.raises(BadValue, match=f"do: give the folder of one: cli prepare emobox {tmp_path}/lists/data/air$"):
        emobox.utterances(tmp_path / "lists")

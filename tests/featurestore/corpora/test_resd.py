from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from featurestore.corpora import resd
from featurestore.errors import NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, list_findings, read_full, write_lines, write_names

# number of clips by emotion: training, test
COUNTS = {
    "fear": (178, 45),
    "anger": (175, 44),
    "happiness": (174, 44),
    "enthusiasm": (158, 40),
    "neutral": (153, 38),
    "disgust": (148, 37),
    "sadness": (130, 32),
}
EMOTIONS = list(COUNTS)


def full_release():
    """Yield part, path and emotion of each clip. The names of dialogues 1 to 11 have a blank."""
    for number, (emotion, counts) in enumerate(COUNTS.items()):
        for part, count in zip(("train", "test"), counts, strict=True):
            for take in range(count):
                dialogue, other = 1 + take % 50, EMOTIONS[(number + 1) % 7]
                pair = f"{dialogue:02}_{emotion}_{other}"
                folder = pair if dialogue < 12 else f"{emotion}_{other}_{dialogue}"
                blank = " " if dialogue < 12 else "_"
                yield part, f"{folder}/{pair}{blank}{emotion[0]}_{take:03}{'5' * (part == 'test')}.wav", emotion


def write_release(root, clips):
    lines = defaultdict(lambda: ["name,path,emotion"])
    for part, path, emotion in clips:
        lines[part].append(f"{path.split('/')[1]},{path},{emotion}")
        write_names(root, [f"{part}/{path}"])
    for part, table in lines.items():
        write_lines(root / f"{part}.csv", table)


def test_a_row_gives_everything_but_speaker_and_words(monkeypatch, tmp_path):
    path = "happiness_enthusiasm_32/32_happiness_enthusiasm_h_120.wav"
    write_release(tmp_path, [("train", path, "happiness")])
    write_lines(tmp_path / "test.csv", ["name,path,emotion"])
    (row,) = read_full(monkeypatch, "resd", tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="32_happiness_enthusiasm_h_120",
        audio=f"train/{path}",
        label="happiness",
        dialogue="32",
        partition="train",
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_release(tmp_path, full_release())
    reading = read_full(monkeypatch, "resd", tmp_path)
    assert len(reading.utterances) == 1396
    assert reading.findings == ()
    check_counts("resd", reading)
    assert Counter(row.partition for row in reading.utterances) == {"train": 1116, "test": 280}
    assert len({row.dialogue for row in reading.utterances}) == 50


def test_a_name_with_a_blank_is_of_a_dialogue(monkeypatch, tmp_path):
    write_release(tmp_path, [("train", "03_disgust_neutral/03_disgust_neutral n_050.wav", "neutral")])
    (row,) = read_full(monkeypatch, "resd", tmp_path).utterances
    assert (row.id, row.dialogue) == ("03_disgust_neutral_n_050", "03")


def test_a_missing_list_and_an_odd_name_are_findings(monkeypatch, tmp_path):
    write_release(tmp_path, [("train", "a/odd.wav", "anger")])
    write_names(tmp_path, ["test/12_anger_fear_a_010.wav"])
    reading = read_full(monkeypatch, "resd", tmp_path)
    assert list_findings(reading) == {
        "files that this copy lacks, so that their partitions are left out": ("test.csv",),
        "clips whose name does not give the dialogue": ("odd",),
        "clips that no label file lists, ignored": ("test/12_anger_fear_a_010.wav",),
    }


def test_clips_without_lists_are_refused(tmp_path):
    write_names(tmp_path, ["train/12_anger_fear_a_010.wav"])
    with pytest.raises(NotFound, match="is not a release of RESD"):
        resd.utterances(tmp_path)

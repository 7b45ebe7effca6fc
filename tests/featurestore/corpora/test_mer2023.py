from collections import Counter
from dataclasses import replace

import pytest

from featurestore.corpora import mer2023
from featurestore.errors import NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, list_findings, read_full, write_lines, write_names

# number of clips by emotion, as in the label file of training; those of the three test parts together
TRAIN = {"neutral": 871, "angry": 822, "happy": 689, "worried": 462, "sad": 383, "surprise": 146}
TEST = {"neutral": 377, "angry": 386, "happy": 349, "worried": 154, "sad": 347, "surprise": 44}
PARTS = {"train": 3373, "test1": 411, "test2": 412, "test3": 834}
FOLDERS = {"train": "mer2023train/train", "test1": "test1", "test2": "test2", "test3": "mer2023train/test3"}


def write_release(root, parts, header="name,discrete,valence"):
    """Write label files and empty videos. Each part has (name with suffix, rest of its row)."""
    for part, rows in parts.items():
        folder = "mer2023train" if part == "train" else "test-labels"
        lines = [f"{name.split('.')[0]},{rest}" for name, rest in rows]
        write_lines(root / folder / f"{part}-label.csv", [header, *lines])
        write_names(root, (f"{FOLDERS[part]}/{name}" for name, _ in rows))


def full_release():
    emotions = [*Counter(TRAIN).elements(), *Counter(TEST).elements()]
    start = 0
    for part, count in PARTS.items():
        suffix = "mp4" if part in ("test2", "test3") else "avi"
        prefix = "samplenew" if part == "test3" else "sample"
        rows = [(f"{prefix}_{start + n:08}.{suffix}", f"{emotions[start + n]},{n % 11 - 5}") for n in range(count)]
        yield part, rows
        start += count


def test_a_row_gives_everything_but_speaker_and_words(monkeypatch, tmp_path):
    write_release(tmp_path, {"train": [("sample_00002721.avi", "neutral,-0.5")]})
    (row,) = read_full(monkeypatch, "mer2023", tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="sample_00002721",
        audio="mer2023train/train/sample_00002721.avi",
        label="neutral",
        partition="train",
        valence=-0.5,
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_release(tmp_path, dict(full_release()))
    reading = read_full(monkeypatch, "mer2023", tmp_path)
    assert len(reading.utterances) == 5030
    assert reading.findings == ()
    check_counts("mer2023", reading)
    assert Counter(row.partition for row in reading.utterances) == PARTS


def test_missing_lists_and_unlabelled_clips_are_findings(monkeypatch, tmp_path):
    write_release(tmp_path, {"train": [("sample_00000001.avi", "sad,1"), ("sample_00000002.avi", "sad,low")]})
    write_names(tmp_path, ["mer2023train/test3/samplenew_00000003.mp4"])
    reading = read_full(monkeypatch, "mer2023", tmp_path)
    assert [row.valence for row in reading.utterances] == [1.0, None]
    assert list_findings(reading) == {
        "files that this copy lacks, so that their partitions are left out": (
            "test1-label.csv",
            "test2-label.csv",
            "test3-label.csv",
        ),
        "valences that are not a number, left out": ("sample_00000002: low",),
        "clips that no label file lists, ignored": ("mer2023train/test3/samplenew_00000003.mp4",),
    }


def test_a_label_file_may_have_no_valence(monkeypatch, tmp_path):
    write_release(tmp_path, {"test3": [("sample_00000001.avi", "sad")]}, header="name,discrete")
    (row,) = read_full(monkeypatch, "mer2023", tmp_path).utterances
    assert (row.label, row.valence, row.partition) == ("sad", None, "test3")


def test_a_clip_in_two_lists_is_read_once(monkeypatch, tmp_path):
    clip = ("sample_00000001.avi", "sad,1")
    write_release(tmp_path, {"train": [clip], "test1": [clip]})
    reading = read_full(monkeypatch, "mer2023", tmp_path)
    assert [row.partition for row in reading.utterances] == ["train"]
    found = list_findings(reading)
    assert found["utterances that are listed twice; the first row is used"] == ("sample_00000001",)


def test_videos_without_lists_are_refused(tmp_path):
    write_names(tmp_path, ["test1/sample_00000001.avi"])
    with pytest.raises(NotFound, match="is not a release of MER2023"):
        mer2023.utterances(tmp_path)

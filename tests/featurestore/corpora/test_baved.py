from dataclasses import replace

from featurestore.corpora import baved, write_clip
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names

COUNTS = {"0": 585, "1": 672, "2": 678}


def full_release():
    for level, count in COUNTS.items():
        for number in range(count):
            speaker, word = number % 60, number // 60 % 7
            yield f"{word}/{speaker}-{'f' if speaker < 16 else 'm'}-20-{word}-{level}-{number}.wav"


def test_a_file_name_gives_everything(tmp_path):
    write_clip(tmp_path / "3/101-m-20-3-0-45.wav")
    (row,) = baved.utterances(tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="101-m-20-3-0-45",
        audio="3/101-m-20-3-0-45.wav",
        text="الفيلم",
        label="0",
        speaker="101",
        gender="M",
        script="3",
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "baved", tmp_path)
    assert len(reading.utterances) == 1935
    assert reading.findings == ()
    check_counts("baved", reading)


def test_the_name_counts_and_not_the_folder(tmp_path):
    write_clip(tmp_path / "0/50-f-5-6-1-286.wav")
    (row,) = baved.utterances(tmp_path).utterances
    assert (row.script, row.text) == ("6", "سيئ")


def test_levels_are_no_common_emotions():
    assert set(baved.CARD.find_classes("big-4").values()) == {None}

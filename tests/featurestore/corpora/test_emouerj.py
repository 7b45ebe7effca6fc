from dataclasses import replace

from featurestore.corpora import emouerj, write_clip
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names

COUNTS = {"s": 100, "a": 94, "n": 92, "h": 91}
SPEAKERS = [f"{letter}{number:02}" for letter in "mw" for number in range(1, 5)]


def full_release():
    for emotion, count in COUNTS.items():
        for number in range(count):
            yield f"emoUERJ/{SPEAKERS[number % 8]}{emotion}{number // 8 + 1:02}.wav"


def test_a_file_name_gives_everything_but_the_words(tmp_path):
    write_clip(tmp_path / "emoUERJ/w04a11.wav")
    (row,) = emouerj.utterances(tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="w04a11",
        audio="emoUERJ/w04a11.wav",
        label="a",
        speaker="w04",
        gender="F",
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "emouerj", tmp_path)
    assert len(reading.utterances) == 377
    assert reading.findings == ()
    check_counts("emouerj", reading)


def test_a_man_and_a_woman_of_the_same_number_are_two_speakers(tmp_path):
    for number, name in enumerate(("m01h01", "W01H01")):
        write_clip(tmp_path / f"{name}.wav", number)
    rows = emouerj.utterances(tmp_path).utterances
    assert [(row.id, row.speaker, row.gender) for row in rows] == [("m01h01", "m01", "M"), ("w01h01", "w01", "F")]

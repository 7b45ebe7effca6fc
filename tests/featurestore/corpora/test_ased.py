from dataclasses import replace

from featurestore.corpora import ased, write_clip
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names

COUNTS = {"n1": 522, "f2": 510, "h3": 486, "s4": 470, "a5": 486}
FOLDERS = {"n1": "01Neutral", "f2": "02Fearful", "h3": "03Happy", "s4": "04Sad", "a5": "05Angry"}
OTHER_LETTER = "04Sad/S4-04-02-02-29.wav"


def full_release():
    yield OTHER_LETTER
    for emotion, count in COUNTS.items():
        for number in range(count - (emotion == "s4")):
            speaker, take = number % 65 + 1, number // 65
            gender = 1 if speaker <= 25 else 2
            name = f"{emotion}-{take // 2 + 1:02}-{take % 2 + 1:02}-{gender:02}-{speaker:02}.wav"
            yield f"{FOLDERS[emotion]}/{name}"


def test_a_file_name_gives_everything_but_the_words(tmp_path):
    write_clip(tmp_path / "05Angry/a5-03-01-02-50.wav")
    (row,) = ased.utterances(tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="a5-03-01-02-50",
        audio="05Angry/a5-03-01-02-50.wav",
        label="a",
        speaker="50",
        gender="M",
        script="03",
    )


def test_the_full_release_with_a_letter_of_another_case(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "ased", tmp_path)
    assert len(reading.utterances) == 2474
    assert reading.findings == ()
    check_counts("ased", reading)
    assert ("s4-04-02-02-29", OTHER_LETTER, "s") in {(row.id, row.audio, row.label) for row in reading.utterances}


def test_a_clip_with_another_gender_than_its_speaker_is_a_finding(tmp_path):
    for number, name in enumerate(("n1-01-01-01-25", "n1-01-02-01-25", "f2-02-01-02-25", "n1-01-01-01-26")):
        write_clip(tmp_path / f"{name}.wav", number)
    reading = ased.utterances(tmp_path)
    (finding,) = reading.findings
    assert finding.what == "clips whose name gives another gender than most clips of their speaker, kept as named"
    assert finding.where == ("f2-02-01-02-25",)
    assert [row.gender for row in reading.utterances] == ["M", "F", "F", "F"]


def test_a_letter_that_contradicts_its_folder_number_is_a_finding(tmp_path):
    write_clip(tmp_path / "n1-01-01-01-01.wav")
    write_clip(tmp_path / "n5-01-01-01-01.wav", 1)
    assert [finding.where for finding in ased.utterances(tmp_path).findings] == [("n5-01-01-01-01.wav",)]

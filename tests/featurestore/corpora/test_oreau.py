import unicodedata
from dataclasses import replace

import pytest

from featurestore.corpora import oreau, write_clip
from featurestore.errors import NotFound
from tests.support.full_releases import check_counts, collect_findings, read_names

ROOT = unicodedata.normalize("NFD", "OréauFR_02")  # as in the archive
FEMALE = ("10", "11", "13", "21", "24", "37", "42")
SPEAKERS = [f"{n:02}" for n in range(7, 43) if n not in (15, 17, 34, 35)]
COUNTS = {"C": 67, "D": 67, "J": 62, "N": 70, "P": 51, "S": 62, "T": 55}


def full_release():
    """Yield as many names of each emotion as the release has; which speaker says which sentence is made up."""
    names = [(speaker, sentence) for sentence in range(1, 4) for speaker in SPEAKERS]
    for label, count in COUNTS.items():
        for speaker, sentence in names[:count]:
            letter = "z" if label == "S" and (speaker, sentence) == ("07", 3) else "a"
            sex = "f" if speaker in FEMALE else "m"
            yield f"{ROOT}/{sex}/sess{label.lower()}/{speaker}{letter}{sentence:02}{label}a.wav"


def test_a_file_name_and_its_folder_give_everything(tmp_path):
    path = f"{ROOT}/f/sessj/10a02Ja.wav"
    write_clip(tmp_path / path, rate=44_100)
    (row,) = oreau.utterances(tmp_path).utterances
    assert row == replace(
        row, id="10a02Ja", audio=path, label="J", speaker="10", gender="F", script="J_a02", duration=0.1
    )
    assert row.text == row.session == row.dialogue == row.partition == ""


def test_the_full_release(monkeypatch, tmp_path):
    reading = read_names(monkeypatch, "oreau", tmp_path, full_release())
    assert len(reading.utterances) == 434
    assert reading.findings == ()
    check_counts("oreau", reading)
    assert {row.speaker for row in reading.utterances if row.gender == "F"} == set(FEMALE)


def test_a_sentence_of_one_emotion_is_no_sentence_of_another(tmp_path):
    for number, name in enumerate(("10a02Ja", "10a02Ca", "11a02Ja")):
        write_clip(tmp_path / f"{name}.wav", number, rate=44_100)
    reading = oreau.utterances(tmp_path)
    assert [(row.id, row.script) for row in reading.utterances] == [
        ("10a02Ca", "C_a02"),
        ("10a02Ja", "J_a02"),
        ("11a02Ja", "J_a02"),
    ]
    assert collect_findings(reading) == {"clips in neither of the folders f and m": ("10a02Ca", "10a02Ja", "11a02Ja")}


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of Oréau"):
        oreau.utterances(tmp_path)

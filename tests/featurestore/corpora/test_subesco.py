from dataclasses import replace

import pytest

from featurestore.corpora import subesco, write_clip
from featurestore.errors import NotFound
from tests.support.full_releases import check_counts, collect_findings, read_names

ODD = "F_02_MONIKA_S_2_SURPRISE_3].wav"  # as it is in the release


def full_release():
    for sex, names in (("F", ["OISHI", "MONIKA", *"CDEFGHI", "FAHMEE"]), ("M", [*"ABCDEFGHI", "EVAN"])):
        for number, name in enumerate(names, 1):
            for sentence in range(1, 11):
                for emotion in ("ANGRY", "DISGUST", "FEAR", "HAPPY", "NEUTRAL", "SAD", "SURPRISE"):
                    for take in range(1, 6):
                        clip = f"{sex}_{number:02}_{name}_S_{sentence}_{emotion}_{take}.wav"
                        yield ODD if clip == ODD.replace("]", "") else clip


def test_a_file_name_gives_everything(tmp_path):
    write_clip(tmp_path / "M_10_EVAN_S_8_DISGUST_2.wav")
    (row,) = subesco.utterances(tmp_path).utterances
    assert row == replace(
        row,
        id="M_10_EVAN_S_8_DISGUST_2",
        audio="M_10_EVAN_S_8_DISGUST_2.wav",
        label="DISGUST",
        speaker="M_10",
        gender="M",
        script="8",
        duration=0.1,
    )
    assert row.text == row.session == row.dialogue == row.partition == ""


def test_the_full_release(monkeypatch, tmp_path):
    reading = read_names(monkeypatch, "subesco", tmp_path, full_release())
    assert len(reading.utterances) == 7000
    check_counts("subesco", reading)
    assert {row.speaker for row in reading.utterances} == {f"{sex}_{n:02}" for sex in "FM" for n in range(1, 11)}
    assert collect_findings(reading) == {"clips with a stray bracket in their name": ("F_02_MONIKA_S_2_SURPRISE_3",)}


def test_the_clip_with_a_bracket_is_the_same_as_one_without(tmp_path):
    write_clip(tmp_path / ODD)
    write_clip(tmp_path / ODD.replace("]", ""))
    reading = subesco.utterances(tmp_path)
    assert [row.audio for row in reading.utterances] == [ODD.replace("]", "")]
    assert collect_findings(reading) == {"second copies of a clip": (ODD,)}


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of SUBESCO"):
        subesco.utterances(tmp_path)

from dataclasses import replace

import pytest

from featurestore.corpora import enterface, write_clip
from featurestore.errors import NotFound
from tests.support.full_releases import check_counts, collect_findings, read_names

FOLDERS = {
    "an": "anger",
    "di": "disgust",
    "fe": "fear",
    "ha": "happiness",
    "sa": "sadness",
    "su": "surprise",
}
ODD = {
    "s16_su_3": "s16_su_3avi",
    **{f"s3_{label}_{sentence}": f"s_3_{label}_{sentence}" for label in ("ha", "sa", "su") for sentence in range(1, 6)},
    "s3_fe_5": "s_3_fe_5",
    "s2_an_1": "s2_an_2",
    "s2_an_2": "s2_an_1",
}


def full_release():
    for subject in (number for number in range(1, 45) if number != 12):
        for label, folder in FOLDERS.items():
            if subject == 6:
                yield f"subject 6/{folder}/s6_{label}.avi"
                continue
            for sentence in range(1, 6):
                if (subject, label) == (23, "ha") and sentence <= 3:
                    continue
                name = f"s{12 if subject == 11 else subject}_{label}_{sentence}"
                yield f"subject {subject}/{folder}/sentence {sentence}/{ODD.get(name, name)}.avi"


def test_a_path_gives_everything_but_the_sex(tmp_path):
    path = "enterface database/subject 19/anger/sentence 4/s19_an_4.wav"
    write_clip(tmp_path / path, rate=48_000)
    (row,) = enterface.utterances(tmp_path).utterances
    assert row == replace(row, id="s19_an_4", audio=path, label="an", speaker="19", script="an_4", duration=0.1)
    assert row.text == row.gender == row.session == row.dialogue == row.partition == ""


def test_the_full_release(monkeypatch, tmp_path):
    reading = read_names(monkeypatch, "enterface", tmp_path, full_release())
    assert len(reading.utterances) == 1263
    check_counts("enterface", reading)
    found = collect_findings(reading)
    assert {what: len(where) for what, where in found.items()} == {
        "clips named after another subject than their folder": 30,
        "clips named after another sentence than their folder; the name is used": 2,
        "clips without a number of a sentence: all sentences of the subject in one clip": 6,
        "clips with an irregular name": 17,
    }
    assert found["clips named after another subject than their folder"][0] == "s11_an_1"
    assert "s16_su_3" in found["clips with an irregular name"]


def test_a_video_and_its_conversion_are_one_utterance(tmp_path):
    (tmp_path / "subject 1/anger/sentence 1").mkdir(parents=True)
    (tmp_path / "subject 1/anger/sentence 1/s1_an_1.avi").write_bytes(b"video")
    write_clip(tmp_path / "subject 1/anger/sentence 1/wav/s1_an_1.wav", rate=48_000)
    reading = enterface.utterances(tmp_path)
    assert [row.audio for row in reading.utterances] == ["subject 1/anger/sentence 1/wav/s1_an_1.wav"]
    assert collect_findings(reading) == {
        "files with the name of another clip and other bytes": ("subject 1/anger/sentence 1/s1_an_1.avi",)
    }


def test_without_folders_the_name_gives_the_subject(tmp_path):
    write_clip(tmp_path / "s12_an_1.wav", rate=48_000)
    (row,) = enterface.utterances(tmp_path).utterances
    assert (row.id, row.speaker) == ("s12_an_1", "12")


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of eNTERFACE'05"):
        enterface.utterances(tmp_path)

import os
from dataclasses import replace

import pytest

from featurestore.corpora import cafe, write_clip
from featurestore.errors import NotFound
from tests.support.full_releases import check_counts, collect_findings, read_names

FOLDERS = {
    "C": "Colère",
    "D": "Dégoût",
    "J": "Joie",
    "N": "Neutre",
    "P": "Peur",
    "S": "Surprise",
    "T": "Tristesse",
}


def full_release(rate="48k", mangle=str):
    for emotion, folder in FOLDERS.items():
        for intensity in (1, 2)[: 1 if emotion == "N" else 2]:
            inner = "" if emotion == "N" else ("Faible/", "Fort/")[intensity - 1]
            for actor in range(1, 13):
                for sentence in range(1, 7):
                    yield f"CaFE_{rate}/{mangle(folder)}/{inner}{actor:02}-{emotion}-{intensity}-{sentence}.wav"


def test_a_file_name_gives_everything(tmp_path):
    write_clip(tmp_path / "CaFE_48k/Colère/Fort/10-C-2-3.wav", rate=48_000)
    (row,) = cafe.utterances(tmp_path).utterances
    assert row == replace(
        row,
        id="10-C-2-3",
        audio="CaFE_48k/Colère/Fort/10-C-2-3.wav",
        text="Trois cygnes aveugles au bord du lac",
        label="C",
        speaker="10",
        gender="F",
        script="3",
        duration=0.1,
    )
    assert row.session == row.dialogue == row.partition == ""


@pytest.mark.parametrize("mangle", [str, lambda name: name.encode("cp850").decode("cp1252")])
def test_the_full_release_whatever_became_of_the_accents(monkeypatch, tmp_path, mangle):
    reading = read_names(monkeypatch, "cafe", tmp_path, full_release(mangle=mangle))
    assert len(reading.utterances) == 936
    assert reading.findings == ()
    check_counts("cafe", reading)


def test_folders_that_are_not_utf_8_are_a_finding(tmp_path):
    write_clip(tmp_path / "Joie/Fort/01-J-2-1.wav", rate=48_000)
    folder = os.fsencode(tmp_path) + b"/Col\xe8re"
    os.mkdir(folder)
    os.rename(tmp_path / "Joie/Fort/01-J-2-1.wav", folder + b"/01-C-2-1.wav")
    write_clip(tmp_path / "Joie/Fort/01-J-2-1.wav", rate=48_000)
    reading = cafe.utterances(tmp_path)
    assert [row.id for row in reading.utterances] == ["01-J-2-1"]
    assert [finding.where for finding in reading.findings] == [("Col\\udce8re/01-C-2-1.wav",)]


def test_of_both_copies_that_at_48_khz_is_used(tmp_path):
    write_clip(tmp_path / "CaFE_192k_1/Joie/Fort/01-J-2-1.wav", rate=192_000)
    write_clip(tmp_path / "CaFE_48k/Joie/Fort/01-J-2-1.wav", rate=48_000)
    reading = cafe.utterances(tmp_path)
    assert [row.audio for row in reading.utterances] == ["CaFE_48k/Joie/Fort/01-J-2-1.wav"]
    assert collect_findings(reading) == {
        "files with the name of another clip and other bytes": ("CaFE_192k_1/Joie/Fort/01-J-2-1.wav",)
    }


def test_an_unknown_actor_is_a_finding(tmp_path):
    write_clip(tmp_path / "13-N-1-1.wav", rate=48_000)
    assert collect_findings(cafe.utterances(tmp_path)) == {"clips of an unknown actor": ("13-N-1-1",)}


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of CaFE"):
        cafe.utterances(tmp_path)

from dataclasses import replace

import pytest

from featurestore.corpora import emovo, write_clip
from featurestore.errors import NotFound
from tests.support.full_releases import check_counts, collect_findings, read_names

SENTENCES = ("b1", "b2", "b3", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5", "d1", "d2")


def full_release():
    for actor in ("f1", "f2", "f3", "m1", "m2", "m3"):
        for emotion in ("neu", "dis", "gio", "pau", "rab", "sor", "tri"):
            for sentence in SENTENCES:
                yield f"{actor}/{emotion}-{actor}-{sentence}.wav"


def test_a_file_name_gives_everything(tmp_path):
    write_clip(tmp_path / "EMOVO/f2/gio-f2-b2.wav", rate=48_000)
    (row,) = emovo.utterances(tmp_path).utterances
    assert row == replace(
        row,
        id="gio-f2-b2",
        audio="EMOVO/f2/gio-f2-b2.wav",
        text="I vigili sono muniti di pistola.",
        label="gio",
        speaker="f2",
        gender="F",
        script="b2",
        duration=0.1,
    )
    assert row.session == row.dialogue == row.partition == ""


def test_the_full_release(monkeypatch, tmp_path):
    reading = read_names(monkeypatch, "emovo", tmp_path, full_release())
    assert len(reading.utterances) == 588
    assert reading.findings == ()
    check_counts("emovo", reading)


def test_other_clips_are_findings(tmp_path):
    write_clip(tmp_path / "f1/neu-f1-b1.wav", rate=48_000)
    write_clip(tmp_path / "f1/neu-f1-b4.wav", rate=48_000)
    write_clip(tmp_path / "f4/neu-f4-b1.wav", rate=48_000)
    reading = emovo.utterances(tmp_path)
    assert [row.id for row in reading.utterances] == ["neu-f1-b1"]
    assert collect_findings(reading) == {
        "audio files with another name than the corpus's": ("f1/neu-f1-b4.wav", "f4/neu-f4-b1.wav")
    }


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of EMOVO"):
        emovo.utterances(tmp_path)

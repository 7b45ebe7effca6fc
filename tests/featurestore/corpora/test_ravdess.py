from dataclasses import replace

import pytest

from featurestore.corpora import ravdess, write_clip
from featurestore.errors import NotFound
from featurestore.preparation.corpus_findings import compare_counts
from tests.support.full_releases import check_counts, read_full, write_names

SONG = "Actor_01/03-02-02-01-01-01-01.wav"
VIDEO = "Actor_01/01-01-02-01-01-01-01.mp4"


def full_release():
    for actor in range(1, 25):
        for emotion in range(1, 9):
            for intensity in (1, 2)[: 1 if emotion == 1 else 2]:
                for take in ("01-01", "01-02", "02-01", "02-02"):
                    yield f"Actor_{actor:02}/03-01-{emotion:02}-{intensity:02}-{take}-{actor:02}.wav"


def test_a_file_name_gives_everything(tmp_path):
    write_clip(tmp_path / "Audio_Speech_Actors_01-24/Actor_12/03-01-06-01-02-01-12.wav")
    (row,) = ravdess.utterances(tmp_path).utterances
    assert replace(row, duration=None) == replace(
        row,
        id="03-01-06-01-02-01-12",
        audio="Audio_Speech_Actors_01-24/Actor_12/03-01-06-01-02-01-12.wav",
        text="Dogs are sitting by the door.",
        label="06",
        speaker="12",
        gender="F",
        script="02",
        duration=None,
    )
    assert row.session == row.dialogue == row.partition == ""


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "ravdess", tmp_path)
    assert len(reading.utterances) == 1440
    assert reading.findings == ()
    check_counts("ravdess", reading)


def test_a_wrong_count_is_a_finding(monkeypatch, tmp_path):
    write_names(tmp_path, (name for name in full_release() if not name.startswith("Actor_24")))
    (finding,) = compare_counts(read_full(monkeypatch, "ravdess", tmp_path).utterances, ravdess.CARD)
    assert finding.what.startswith("counts that differ from those of a full release")
    assert finding.where[0] == "label 01: expected 96, got 92"
    assert finding.where[-1] == "speakers: expected 24, got 23"


def test_second_copies_songs_and_videos_are_findings(tmp_path):
    first, second = "Actor_01/03-01-01-01-01-01-01.wav", "Actor_01/03-01-01-01-01-02-01.wav"
    for number, name in enumerate((first, second, SONG)):
        write_clip(tmp_path / name, number)
    write_clip(tmp_path / "audio" / first, 0)
    write_clip(tmp_path / "audio" / second, 5)
    (tmp_path / VIDEO).write_bytes(b"video")
    reading = ravdess.utterances(tmp_path)
    assert [row.audio for row in reading.utterances] == [first, second]
    assert {finding.what.partition(",")[0]: finding.where for finding in reading.findings} == {
        "songs": (SONG,),
        "videos": (VIDEO,),
        "second copies of a clip": (f"audio/{first}",),
        "files with the name of another clip and other bytes": (f"audio/{second}",),
    }


def test_an_unknown_actor_is_a_finding(tmp_path):
    write_clip(tmp_path / "03-01-01-01-01-01-25.wav")
    (finding,) = ravdess.utterances(tmp_path).findings
    assert finding.what == "clips of an unknown actor"


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of RAVDESS"):
        ravdess.utterances(tmp_path)

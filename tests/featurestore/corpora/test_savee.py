from dataclasses import replace

import pytest

from featurestore.corpora import savee, write_clip
from featurestore.errors import NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, list_findings, read_full, write_names

RATE = 44_100  # Hz
ROW = Utterance(id="JK_sa03", label="sa", speaker="JK", gender="M")


def full_release(form):
    for speaker in ("DC", "JE", "JK", "KL"):
        for emotion in ("a", "d", "f", "h", "n", "sa", "su"):
            for number in range(1, 31 if emotion == "n" else 16):
                yield form.format(speaker=speaker, clip=f"{emotion}{number:02}")


@pytest.mark.parametrize("audio", ["AudioData/JK/sa03.wav", "ALL/JK_sa03.wav", "je/jk/SA03.WAV", "DC/JK_sa03.wav"])
def test_both_layouts_give_the_same_row(tmp_path, audio):
    write_clip(tmp_path / audio, rate=RATE)
    (row,) = savee.utterances(tmp_path).utterances
    assert row == replace(ROW, audio=audio, duration=0.1)


@pytest.mark.parametrize("form", ["AudioData/{speaker}/{clip}.wav", "ALL/{speaker}_{clip}.wav"])
def test_the_full_release(monkeypatch, tmp_path, form):
    write_names(tmp_path, full_release(form))
    reading = read_full(monkeypatch, "savee", tmp_path)
    assert len(reading.utterances) == 480
    assert reading.findings == ()
    check_counts("savee", reading)


def test_irregular_clips_are_findings(tmp_path):
    for number, name in enumerate(("DC/a01.wav", "a02.wav", "DC/a16.wav", "flat/DC_a01.wav", "KL/n30.wav")):
        write_clip(tmp_path / name, number, 16_000 if name == "KL/n30.wav" else RATE)
    reading = savee.utterances(tmp_path)
    assert [row.id for row in reading.utterances] == ["DC_a01", "DC_a16", "KL_n30"]
    assert list_findings(reading) == {
        "clips in no folder of a speaker (DC, JE, JK, KL), ignored: who speaks is unknown": ("a02.wav",),
        "clips of a sentence that the corpus does not have": ("DC_a16",),
        "files with the name of another clip and other bytes, ignored: one clip of each name is used": (
            "flat/DC_a01.wav",
        ),
        "clips at another sampling rate than the 44,100 Hz of the release": ("KL_n30: 16,000 Hz",),
    }


def test_clips_without_a_speaker_are_refused(tmp_path):
    write_clip(tmp_path / "a01.wav", rate=RATE)
    with pytest.raises(NotFound, match="is not a release of SAVEE"):
        savee.utterances(tmp_path)

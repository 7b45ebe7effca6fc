from dataclasses import replace

import pytest

from featurestore.corpora import casia, write_clip
from featurestore.errors import NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, list_findings, read_full, write_names

RATE = 16_000  # Hz
ACTORS = ("liuchanhg", "wangzhe", "zhaoquanyin", "ZhaoZuoxiang")
ROW = Utterance(id="zhaoquanyin_sad_239", label="sad", speaker="zhaoquanyin", gender="F", script="239", duration=0.1)


def full_release():
    for actor in ACTORS:
        for emotion in ("angry", "fear", "happy", "neutral", "sad", "surprise"):
            yield from (f"{actor}/{emotion}/{text}.wav" for text in range(201, 251))


@pytest.mark.parametrize(
    "audio", ["zhaoquanyin/sad/239.wav", "CASIA/Zhaoquanyin/Sad/239.WAV", "6/angry/239-sad-zhaoquanyin.wav"]
)
def test_folders_or_the_name_give_everything(tmp_path, audio):
    write_clip(tmp_path / audio, rate=RATE)
    assert casia.utterances(tmp_path).utterances == (replace(ROW, audio=audio),)


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "casia", tmp_path)
    assert len(reading.utterances) == 1200
    assert {row.speaker: row.gender for row in reading.utterances} == {
        "liuchanhg": "F",
        "wangzhe": "M",
        "zhaoquanyin": "F",
        "zhaozuoxiang": "M",
    }
    assert reading.findings == ()
    check_counts("casia", reading)


def test_clips_elsewhere_are_findings(tmp_path):
    for number, name in enumerate(("wangzhe/sad/201", "wangzhe/202", "sad/203", "wangzhe/sad/251")):
        write_clip(tmp_path / f"{name}.wav", number, RATE)
    reading = casia.utterances(tmp_path)
    assert [row.id for row in reading.utterances] == ["wangzhe_sad_201"]
    assert list_findings(reading) == {
        "clips in no folder of an actor and an emotion, ignored: who speaks, or how, is unknown": (
            "sad/203.wav",
            "wangzhe/202.wav",
        ),
        "audio files with another name than the corpus's, ignored": ("wangzhe/sad/251.wav",),
    }


def test_numbered_clips_of_something_else_are_refused(tmp_path):
    write_clip(tmp_path / "201.wav")
    with pytest.raises(NotFound, match="is not a release of CASIA"):
        casia.utterances(tmp_path)

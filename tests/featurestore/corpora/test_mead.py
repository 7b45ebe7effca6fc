from dataclasses import replace

from featurestore.corpora import mead, write_clip
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names

# number of clips by emotion, at levels 1 to 3
COUNTS = {
    "angry": (1404, 1392, 1397),
    "contempt": (1395, 1413, 1407),
    "disgusted": (1436, 1421, 1427),
    "fear": (1424, 1413, 1414),
    "happy": (1435, 1424, 1435),
    "neutral": (1916,),
    "sad": (1440, 1433, 1433),
    "surprised": (1419, 1426, 1425),
}
SPEAKERS = [f"{letter}{number:03}" for letter in "MW" for number in range(3, 27)]


def full_release():
    for emotion, counts in COUNTS.items():
        for level, count in enumerate(counts, 1):
            for number in range(count):
                yield f"{SPEAKERS[number % 48]}/audio/{emotion}/level_{level}/{number // 48 + 1:03}.m4a"


def test_the_folders_give_everything_but_the_words(monkeypatch, tmp_path):
    write_names(tmp_path, ["part0/W019/audio/angry/level_1/020.m4a"])
    (row,) = read_full(monkeypatch, "mead", tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="W019_angry_1_020",
        audio="part0/W019/audio/angry/level_1/020.m4a",
        label="angry",
        speaker="W019",
        gender="F",
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "mead", tmp_path)
    assert len(reading.utterances) == 31_729
    assert reading.findings == ()
    check_counts("mead", reading)


def test_videos_and_other_folders_are_findings(tmp_path):
    write_clip(tmp_path / "M003/audio/sad/level_2/001.wav")
    others = ("M003/audio/bored/level_1/001.wav", "M003/audio/sad/level_4/001.wav")
    for number, name in enumerate(others, 1):
        write_clip(tmp_path / name, number)
    write_names(tmp_path, ["M003/video/front/sad/level_2/001.mp4"])
    reading = mead.utterances(tmp_path)
    assert [row.id for row in reading.utterances] == ["M003_sad_2_001"]
    assert {finding.what.partition(",")[0]: finding.where for finding in reading.findings} == {
        "clips in other folders than SPEAKER/audio/EMOTION/level_1 to 3": others,
        "videos": ("M003/video/front/sad/level_2/001.mp4",),
    }

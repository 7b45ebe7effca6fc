from dataclasses import replace
from string import ascii_lowercase

import pytest

from featurestore.corpora import tess, write_clip
from featurestore.errors import NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, list_findings, read_full, write_names

RATE = 24_414  # Hz
WORDS = [f"word{first}{second}" for first in ascii_lowercase[:8] for second in ascii_lowercase[:25]]


def full_release():
    for emotion in ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad"):
        for speaker in ("OAF", "YAF"):
            yield from (f"{speaker}_{emotion}/{speaker}_{word}_{emotion}.wav" for word in WORDS)


def test_a_file_name_gives_everything(tmp_path):
    write_clip(tmp_path / "YAF_pleasant_surprised/yaf_Keg_PS.wav", rate=RATE)
    (row,) = tess.utterances(tmp_path).utterances
    assert row.duration == pytest.approx(0.1, abs=1e-4)
    assert replace(row, duration=None) == Utterance(
        id="YAF_keg_ps",
        audio="YAF_pleasant_surprised/yaf_Keg_PS.wav",
        text="Say the word keg.",
        label="ps",
        speaker="YAF",
        gender="F",
        script="keg",
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "tess", tmp_path)
    assert len(reading.utterances) == 2800
    assert len({row.script for row in reading.utterances}) == 200
    assert reading.findings == ()
    check_counts("tess", reading)


def test_quirks_of_the_release_are_findings(tmp_path):
    write_clip(tmp_path / "OAF_Fear/OAF_food_fear.wav", 0, 96_000)
    write_clip(tmp_path / "OAF_neutral/OA_bite_neutral.wav", 1, RATE)
    write_clip(tmp_path / "copy/OAF_neutral/OAF_bite_neutral.wav", 1, RATE)
    reading = tess.utterances(tmp_path)
    assert [(row.id, row.speaker) for row in reading.utterances] == [
        ("OAF_bite_neutral", "OAF"),
        ("OAF_food_fear", "OAF"),
    ]
    assert list_findings(reading) == {
        "second copies of a clip, with the same bytes, ignored": ("copy/OAF_neutral/OAF_bite_neutral.wav",),
        "clips whose name begins with OA, read as OAF": ("OAF_bite_neutral",),
        "clips at another sampling rate than the 24,414 Hz of the release": ("OAF_food_fear: 96,000 Hz",),
    }


def test_another_folder_is_refused(tmp_path):
    write_clip(tmp_path / "OAF_food_calm.wav")
    with pytest.raises(NotFound, match="is not a release of TESS"):
        tess.utterances(tmp_path)

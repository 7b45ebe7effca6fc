import json
from dataclasses import replace

import pytest

from featurestore.corpora import shemo, write_clip
from featurestore.errors import Mismatch, NotFound
from tests.support.full_releases import check_counts, collect_findings, read_names

COUNTS = {"A": 1042, "F": 32, "H": 203, "N": 1160, "S": 362, "W": 201}
WORDS = {"A": "angry", "F": "fearful", "H": "happy", "N": "neutral", "S": "sad", "W": "surprised"}
SPEAKERS = [*(f"F{number:02}" for number in range(1, 32)), *(f"M{number:02}" for number in range(1, 57))]
TEXT = "نمی‌دونم"
ENTRY = {"gender": "male", "emotion": "sad", "transcript": f"\ufeff{TEXT}\r", "ipa": ""}


@pytest.fixture
def root(tmp_path):
    write_clip(tmp_path / "male/M36S02.wav")
    return tmp_path


def write_json(root, content):
    (root / "shemo.json").write_text(json.dumps(content), "utf-8")


def list_names():
    """Return as many names of each emotion as the release has; which speaker says how many is made up."""
    said = [(speaker, number) for number in range(1, 20) for speaker in SPEAKERS]
    return [f"{speaker}{label}{number:02}" for label, count in COUNTS.items() for speaker, number in said[:count]]


def write_text(root, name, text):
    path = root / "transcript/final text" / f"{name}.ort"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize("content", [{"M36S02": ENTRY}, [{"id": "M36S02", **ENTRY}]])
def test_a_name_and_its_entry_give_everything(root, content):
    write_json(root, content)
    reading = shemo.utterances(root)
    assert reading.findings == ()
    (row,) = reading.utterances
    assert row == replace(
        row,
        id="M36S02",
        audio="male/M36S02.wav",
        text=TEXT,
        label="S",
        speaker="M36",
        gender="M",
        duration=0.1,
    )
    assert row.session == row.dialogue == row.script == row.partition == ""


def test_the_full_release(monkeypatch, tmp_path):
    genders = {"F": "female", "M": "male"}
    clips = [f"{genders[name[0]]}/{name}.wav" for name in list_names()]
    write_json(
        tmp_path,
        {name: {**ENTRY, "gender": genders[name[0]], "emotion": WORDS[name[3]]} for name in list_names()},
    )
    reading = read_names(monkeypatch, "shemo", tmp_path, clips)
    assert len(reading.utterances) == 3000
    assert reading.findings == ()
    check_counts("shemo", reading)


def test_texts_may_be_files(root):
    write_text(root, "M36S02", f"\ufeff{TEXT}\r")
    reading = shemo.utterances(root)
    assert reading.utterances[0].text == TEXT
    assert reading.findings == ()


def test_what_the_texts_and_the_clips_do_not_share_is_a_finding(root):
    write_clip(root / "male/M36A01.wav", 1)
    write_clip(root / "male/M36A02.wav", 2)
    write_text(root, "M36A02", "")
    write_json(root, {"M36S02": {**ENTRY, "emotion": "happy"}, "F01A01": {"emotion": "bored", "gender": "female"}})
    reading = shemo.utterances(root)
    assert [row.label for row in reading.utterances] == ["A", "A", "H"]
    assert collect_findings(reading) == {
        "entries of shemo.json with an unknown emotion or gender": ("F01A01",),
        "clips that shemo.json or an .ort file does not list": ("M36A01",),
        "clips whose text in shemo.json or an .ort file is empty": ("M36A02",),
        "clips with another label in shemo.json or an .ort file than in their path; that of the file is used": (
            "M36S02: H, not S",
        ),
        "utterances that shemo.json or an .ort file lists without a clip": ("F01A01",),
    }


@pytest.mark.parametrize("content", ["", "{", "3", '{"a": 1}', '[{"gender": "male"}]', '["M36S02"]'])
def test_a_damaged_list_is_refused(root, content):
    (root / "shemo.json").write_text(content)
    with pytest.raises(Mismatch, match=r"shemo\.json cannot be parsed"):
        shemo.utterances(root)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of ShEMO"):
        shemo.utterances(tmp_path)

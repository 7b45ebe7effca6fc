from dataclasses import replace

import pytest

from featurestore.corpora import aesdd, write_clip
from featurestore.errors import NotFound
from tests.support.full_releases import check_counts, collect_findings, read_names

FOLDERS = {"a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "s": "sadness"}
MISSING = {"d18 (5)", "f02 (4)", "h11 (3)"}
RENAMED = {
    **{f"f{number} (1)": f"f{number} (01)" for number in (10, 11, 12, 13)},
    "d03 (1)": "d03 (01)",
    "s01 (5)": "s01 (5)a",
}
SECOND_TAKES = ("a06 (5)b", "d01 (5)b", "d03 (5)b", "d04 (5)b", "f18 (5)b", "s01 (5)b", "s02 (5)b", "s04 (5)b")


def full_release():
    names = [
        f"{label}{sentence:02} ({actor})" for label in "adfhs" for sentence in range(1, 21) for actor in range(1, 7)
    ]
    for name in (*names, *SECOND_TAKES):
        if name not in MISSING:
            yield f"{FOLDERS[name[0]]}/{RENAMED.get(name, name)}.wav"


def test_a_file_name_gives_everything_but_the_sex(tmp_path):
    write_clip(tmp_path / "anger/a03 (3).wav", rate=44_100)
    (row,) = aesdd.utterances(tmp_path).utterances
    assert row == replace(row, id="a03_3", audio="anger/a03 (3).wav", label="a", speaker="3", script="03", duration=0.1)
    assert row.text == row.gender == row.session == row.dialogue == row.partition == ""


def test_the_full_release(monkeypatch, tmp_path):
    reading = read_names(monkeypatch, "aesdd", tmp_path, full_release())
    assert len(reading.utterances) == 605
    check_counts("aesdd", reading)
    (irregular,) = reading.findings
    assert irregular.what.startswith("clips with an irregular name")
    assert len(irregular.where) == 14
    assert {"f10_1", "s01_5a", "s01_5b", "a06_5b"} <= set(irregular.where)


def test_an_unreadable_clip_is_a_finding(tmp_path):
    write_clip(tmp_path / "sadness/s04 (3).wav", rate=44_100)
    (tmp_path / "sadness/s05 (3).wav").write_bytes(b"RIFF")
    reading = aesdd.utterances(tmp_path)
    assert [row.duration for row in reading.utterances] == [0.1, None]
    (where,) = collect_findings(reading)["utterances whose audio file cannot be used"]
    assert where.startswith("s05_3: ")


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of AESDD"):
        aesdd.utterances(tmp_path)

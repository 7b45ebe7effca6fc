import pytest

from featurestore.corpora import nkululeko
from featurestore.errors import BadValue, Mismatch, NotFound
from tests.support.others import list_findings, write_clip


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_table_with_segments(tmp_path):
    write_clip(tmp_path / "audio/a.wav", 3)
    table = write(
        tmp_path / "calls.csv",
        "file,start,end,emotion,speaker,gender,age",
        "audio/a.wav,0 days 00:00:00.250000,0 days 00:00:01.500000,happy,s1,female,31",
        "audio/a.wav,2,NaT,sad,s2,male,40",
        "audio/b.wav,0,1,sad,s2,male,40",
    )
    reading = nkululeko.utterances(table)
    first, second, _ = reading.utterances
    assert (first.id, first.audio, first.label) == ("a_0.25-1.5", "audio/a.wav", "happy")
    assert (first.speaker, first.gender, first.start, first.end, first.duration) == ("s1", "F", 0.25, 1.5, 1.25)
    assert (second.start, second.end, second.duration) == (2, None, 1)
    assert reading.segments
    assert list_findings(reading) == {
        "columns that the manifest does not have, ignored": ("age",),
        "utterances whose audio file is missing, kept without a duration": ("b",),
    }


def test_tables_of_parts_are_partitions(tmp_path):
    for name in ("a", "b", "c"):
        write_clip(tmp_path / f"{name}.wav", 1 + ord(name) / 1000)
    write(tmp_path / "calls_train.csv", "file,emotion,speakers", "a.wav,happy,s1", "b.wav,sad,s1")
    write(tmp_path / "calls_test.csv", "file,emotion,speakers", "b.wav,sad,s1")
    write(tmp_path / "calls.csv", "file,emotion,speakers", "a.wav,happy,s1", "b.wav,sad,s1", "c.wav,sad,s1")
    reading = nkululeko.utterances(tmp_path)
    assert [(row.audio, row.partition, row.speaker) for row in reading.utterances] == [
        ("b.wav", "test", "s1"),
        ("a.wav", "train", "s1"),
        ("b.wav", "train", "s1"),
    ]
    found = list_findings(reading)
    assert found["tables of all parts, ignored, because the parts are read"] == ("calls.csv",)
    assert found["files of the table of all parts that no part has, ignored"] == ("c.wav",)
    assert found["clips in more than one partition"] == ("b.wav: test, train",)
    assert found["partitions that share speakers between training and test"] == (
        "test: 1 of 1 test speakers are also in training",
    )


def test_another_target_and_paths_from_the_folder_above(tmp_path):
    write_clip(tmp_path / "data/test/a.wav")
    table = write(tmp_path / "data/test/laughs.csv", "file,type", "data/test/a.wav,laugh")
    with pytest.raises(BadValue, match="has no column label") as caught:
        nkululeko.utterances(table)
    assert "got: file, type" in str(caught.value)
    (row,) = nkululeko.utterances(table, {"label": "type"}).utterances
    assert (row.label, row.audio, row.duration) == ("laugh", "a.wav", 1)


def test_wrong_tables(tmp_path):
    with pytest.raises(NotFound, match="holds no table of nkululeko"):
        nkululeko.utterances(tmp_path)
    one = write(tmp_path / "one.csv", "path,emotion", "a.wav,sad")
    with pytest.raises(Mismatch, match="has missing columns\n  expected: file\n  got: path, emotion"):
        nkululeko.utterances(one)
    write(tmp_path / "other.csv", "file,emotion", "a.wav,sad")
    with pytest.raises(BadValue, match="holds the tables of 2 databases\n  expected: one\n  got: one.csv, other.csv"):
        nkululeko.utterances(tmp_path)
    one.unlink()
    (tmp_path / "other.csv").rename(tmp_path / "other_train.csv")
    assert list_findings(nkululeko.utterances(tmp_path))["parts that have no table"] == ("test",)


def test_a_time_that_is_none(tmp_path):
    table = write(tmp_path / "calls.csv", "file,start,end,emotion", "a.wav,soon,1,sad")
    with pytest.raises(BadValue, match="row 1 has 'soon' in the column start, which is not a number"):
        nkululeko.utterances(table)

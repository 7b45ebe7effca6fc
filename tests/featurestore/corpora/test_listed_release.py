import pytest

from featurestore.corpora import CorpusCard, write_clip
from featurestore.corpora._listed_release import ListedRelease
from featurestore.errors import Mismatch, NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import write_lines, write_names

CARD = CorpusCard(title="Listed", licence="free", citation="none", labels={"a": "angry"})


def read(root, names):
    release = ListedRelease(root)
    return release.complete([Utterance(name, release.find_clip(f"{name}.avi"), label="a") for name in names], CARD)


def test_a_clip_is_found_in_any_folder_with_any_suffix_and_case(tmp_path):
    write_clip(tmp_path / "a/B/CLIP 1.WAV")
    (row,) = read(tmp_path, ["clip 1"]).utterances
    assert row.audio == "a/B/CLIP 1.WAV"
    assert row.duration == 0.1


def test_what_is_missing_second_or_not_listed_is_a_finding(tmp_path):
    for number, name in enumerate(("one.wav", "b/one.flac", "b/three.wav")):
        write_clip(tmp_path / name, number)
    reading = read(tmp_path, ["one", "two"])
    assert [row.audio for row in reading.utterances] == ["one.wav", "two.avi"]
    assert {finding.what.partition(",")[0]: finding.where for finding in reading.findings} == {
        "second files of a clip": ("b/one.flac",),
        "clips that no label file lists": ("b/three.wav",),
        "utterances whose audio file is missing": ("two",),
    }


def test_the_least_nested_table_of_a_name_is_read(tmp_path):
    write_lines(tmp_path / "b/List.csv", ["name", "second"])
    write_lines(tmp_path / "list.csv", ["name", "first"])
    release = ListedRelease(tmp_path)
    assert release.read_table("list.csv", ("name",)) == [{"name": "first"}]
    assert [(finding.where) for finding in release.found.findings()] == [("b/List.csv",)]


def test_a_table_may_be_named_with_its_folder(tmp_path):
    write_lines(tmp_path / "Release/Split/train.csv", ["name", "in the folder"])
    write_lines(tmp_path / "train.csv", ["name", "elsewhere"])
    release = ListedRelease(tmp_path)
    assert release.read_table("split/train.csv", ("name",)) == [{"name": "in the folder"}]
    assert release.read_table("split/test.csv", ("name",)) == []
    assert [finding.where for finding in release.found.findings()] == [("split/test.csv",)]


def test_rows_without_a_clip_and_second_rows_are_findings(tmp_path):
    release = ListedRelease(tmp_path)
    rows = [{"clip": "1.wav", "n": "1"}, {"clip": "", "n": "2"}, {"clip": "1.WAV", "n": "3"}]
    assert release.select_clips("clip", rows) == rows[:1]
    assert [finding.where for finding in release.found.findings()] == [(", 2",), ("1.WAV",)]


def test_a_label_that_the_card_does_not_know_is_a_finding(tmp_path):
    write_clip(tmp_path / "one.wav")
    release = ListedRelease(tmp_path)
    reading = release.complete([Utterance("one", release.find_clip("one"), label="b")], CARD)
    assert [finding.what for finding in reading.findings] == ["utterances with the unknown label 'b'"]


@pytest.mark.parametrize("lines", [[], ["other", "x"]])
def test_a_table_without_its_columns_is_refused(tmp_path, lines):
    write_lines(tmp_path / "list.csv", lines)
    with pytest.raises(Mismatch, match="list.csv has missing columns"):
        ListedRelease(tmp_path).read_table("list.csv", ("name",))


def test_a_table_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "list.csv").symlink_to(tmp_path / "nowhere")
    with pytest.raises(NotFound, match=r"list\.csv cannot be read: No such file or directory"):
        ListedRelease(tmp_path).read_table("list.csv", ("name",))


def test_a_file_that_is_not_a_folder_has_no_tables(tmp_path):
    write_names(tmp_path, ["file"])
    assert not ListedRelease(tmp_path / "file").has_table("file")

"""Label files are found in any folder, and what is missing, repeated or of another encoding is reported."""

import re

import pytest

from featurestore.corpora import (
    FindingList,
    ReleaseFiles,
    decode_reported,
    find_label_file,
    find_label_files,
    find_optional,
    parse_gender,
    write_lines,
)

OTHERS = "label files in other folders, ignored; the least nested one is read"


@pytest.fixture
def search(tmp_path):
    """Write empty files, and return what a search of them returns with its findings."""

    def run(paths, function, *arguments, **options):
        for path in paths:
            write_lines(tmp_path / path, [])
        found = FindingList()
        answer = function(ReleaseFiles(tmp_path, FindingList()), *arguments, found, **options)
        return answer, {one.what: one.where for one in found.findings()}

    return run


def test_the_least_nested_file_is_read_and_the_others_are_reported(search):
    answer = search(["a/labels.csv", "a/b/LABELS.csv"], find_label_file, ["labels.csv"])
    assert answer == ("a/labels.csv", {OTHERS: ("a/b/LABELS.csv",)})


def test_another_form_beside_the_file_is_no_finding(search):
    assert search(["labels.csv", "labels.json"], find_label_file, ["labels.csv", "labels.json"]) == ("labels.csv", {})


def test_a_second_spelling_in_the_same_folder_is_a_finding(search):
    answer, findings = search(["labels.csv", "Labels.csv"], find_label_file, ["labels.csv"])
    assert {answer, *findings[OTHERS]} == {"labels.csv", "Labels.csv"}


def test_one_file_of_each_matching_name_is_found(search):
    paths = ["0001.txt", "copy/0001.txt", "x/0002.TXT", "readme.txt"]
    answer = search(paths, find_label_files, re.compile(r"\d{4}\.txt", re.IGNORECASE))
    assert answer == (("0001.txt", "x/0002.TXT"), {OTHERS: ("copy/0001.txt",)})


def test_a_missing_file_is_reported_with_what_is_unknown(search):
    what = "files that this copy lacks, so that texts are empty"
    assert search([], find_optional, "texts.tsv", without="texts are empty") == ("", {what: ("texts.tsv",)})


def test_a_file_that_is_not_utf_8_is_reported(tmp_path):
    (tmp_path / "text").write_bytes("a caf\xe9\n".encode("cp1252"))
    found = FindingList()
    assert decode_reported(tmp_path / "text", found) == "a café\n"
    assert [(one.what, one.where) for one in found.findings()] == [
        ("files that are not UTF-8, read as cp1252", ("text",))
    ]


@pytest.mark.parametrize(("text", "gender"), [("Female", "F"), (" m ", "M"), ("woman", "F"), ("other", ""), ("", "")])
def test_genders_are_parsed_in_any_case(text, gender):
    assert parse_gender(text) == gender

import json

import pytest

from featurestore.corpora import table
from featurestore.errors import BadValue
from featurestore.manifest import NUMBERS

TEXTS = ("label", "speaker", "gender", "session", "dialogue", "script", "partition")
WORDS = ("nan", "NaN", "None", "NA", "N/A", "null", "<NA>", "none", "NULL", "#N/A")


def read(path, content):
    path.write_text(content)
    reading = table.utterances(path)
    return reading.utterances, {finding.what: finding.where for finding in reading.findings}


def line(**values):
    return json.dumps({"id": "x", "text": "hello", "label": "joy", **values}) + "\n"


def what(column):
    if column == "label":
        return (
            "labels that look like a missing value, kept as a class; empty these cells if the label is unknown, or "
            "leave the class out by null in a label map"
        )
    return f"{column}s that look like a missing value, kept; empty these cells if the {column} is unknown"


@pytest.mark.parametrize("value", [None, float("nan"), ""])
@pytest.mark.parametrize("column", [*TEXTS, "votes", *sorted(NUMBERS)])
def test_null_and_nan_are_missing(tmp_path, column, value):
    (row,), odd = read(tmp_path / "t.jsonl", line(**{column: value}))
    assert getattr(row, column) == (None if column in NUMBERS else "")
    assert odd == ({"rows without a label": ("x",)} if column == "label" else {})


@pytest.mark.parametrize("value", [None, float("nan")])
@pytest.mark.parametrize("column", ["id", "audio", "text"])
def test_an_id_a_clip_or_a_text_may_be_missing(tmp_path, column, value):
    rest = {"id": "x", "audio": "no.wav", "text": "hello"} | {column: value}
    (row,), _ = read(tmp_path / "t.jsonl", line(**rest))
    assert getattr(row, column) == ("no" if column == "id" else "")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("inf"), "has Infinity in the column"),
        (-float("inf"), "has Infinity in the column"),
        (["joy"], "has a list in the column"),
        ({"joy": 0.5}, "has a JSON object in the column"),
    ],
)
@pytest.mark.parametrize("column", ["id", "audio", "text", *TEXTS, *sorted(NUMBERS)])
def test_lists_objects_and_infinity_are_an_error_with_the_row(tmp_path, column, value, why):
    with pytest.raises(BadValue, match=f"t.jsonl: 1 of 2 rows cannot be used\n  got: row 2 {why} {column}\n"):
        read(tmp_path / "t.jsonl", line() + line(**{column: value}))


def test_a_number_too_large_for_a_double_is_infinity(tmp_path):
    with pytest.raises(BadValue, match="row 1 has Infinity in the column start"):
        read(tmp_path / "t.jsonl", '{"text": "a", "label": "b", "start": 1e999}')


def test_votes_stay_json_with_missing_values(tmp_path):
    votes = [{"rater": "a", "valence": float("nan")}, {"rater": "b", "labels": ["joy"]}]
    (row,), _ = read(tmp_path / "t.jsonl", line(votes=votes))
    assert json.loads(row.votes, parse_constant=pytest.fail)[0] == {"rater": "a", "valence": None}
    with pytest.raises(BadValue, match="has Infinity in the column votes"):
        read(tmp_path / "t.jsonl", line(votes=[{"valence": float("inf")}]))


def test_unknown_columns_may_hold_anything(tmp_path):
    (row,), odd = read(tmp_path / "t.jsonl", line(scores=[float("inf")], mood={"a": 1}))
    assert (row.id, row.label) == ("x", "joy")
    assert odd == {"columns that the manifest does not have, ignored": ("scores", "mood")}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("column", [*TEXTS, "text"])
def test_a_missing_value_as_text_is_a_finding(tmp_path, column, word):
    row = {"label": "joy", "text": "hello", "id": "x"}
    rows = [row | {column: word}, row | {"id": "y", column: word}, row | {"id": "z", column: "banana"}]
    header = ",".join(rows[0])
    found, odd = read(tmp_path / "t.csv", "\n".join([header, *(",".join(one.values()) for one in rows)]))
    assert [getattr(one, column) for one in found] == [word, word, "banana"]
    assert odd == {what(column): (f"{word!r} on 2 rows",)}
    _, in_json = read(tmp_path / "t.jsonl", "\n".join(map(json.dumps, rows)))
    assert in_json == odd


@pytest.mark.parametrize("word", ["nan", "NA", "inf"])
@pytest.mark.parametrize("column", sorted(NUMBERS))
def test_text_in_a_number_column_is_an_error_with_the_row(tmp_path, column, word):
    with pytest.raises(BadValue, match=f"row 2 has {word!r} in the column {column}, which is not a number"):
        read(tmp_path / "t.csv", f"text,label,{column}\nhello,joy,{word}\n")

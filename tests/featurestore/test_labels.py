import json

import pytest

from featurestore import labels
from featurestore.errors import BadValue, Mismatch, NotFound, UnknownName
from featurestore.manifest import Utterance

ROWS = [Utterance("a", label="ang"), Utterance("b", label="xxx"), Utterance("c", label="exc"), Utterance("d")]


def message(call, kind):
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("iemocap-4", {"a": "angry", "c": "happy"}),
        ("iemocap-6", {"a": "angry", "c": "excited"}),
        ("all", {"a": "ang", "b": "xxx", "c": "exc"}),
    ],
)
def test_a_scheme_returns_classes_by_id(name, classes):
    assert labels.load_scheme(name).apply(ROWS) == classes


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("iemocap-4", "4 classes: angry, neutral, sad, happy"),
        ("iemocap-6", "6 classes: angry, frustrated, neutral, sad, excited, happy"),
        (
            "iemocap-9",
            "9 classes: angry, frustrated, neutral, sad, excited, happy, surprised, fearful, disgusted",
        ),
        (
            "iemocap-10",
            "10 classes: angry, frustrated, neutral, sad, excited, happy, surprised, fearful, disgusted, other",
        ),
        ("emodb-7", "7 classes: anger, boredom, neutral, happiness, fear, sadness, disgust"),
        ("all", "every label of the corpus as its own class"),
    ],
)
def test_every_scheme_lists_its_classes(name, kept):
    assert labels.list_schemes()[name] == kept


@pytest.mark.parametrize(
    ("corpus", "scheme"),
    [("iemocap", "iemocap-6"), ("demo", "iemocap-6"), ("emodb", "emodb-7"), ("table", "all"), ("gone", "all")],
)
def test_the_default_scheme_of_a_corpus(corpus, scheme):
    assert labels.find_default(corpus) == scheme


def test_a_scheme_is_read_from_a_json_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"ang": "negative", "exc": "positive", "xxx": None}))
    assert labels.load_scheme(str(path)).apply(ROWS) == {"a": "negative", "c": "positive"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "{",
            "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\n"
            '  expected: {"code": "class", "left-out code": null, …}',
        ),
        ("[]", 'is not a label scheme\n  expected: {"code": "class", "left-out code": null, …}'),
        ('{"a": 1}', 'is not a label scheme\n  expected: {"code": "class", "left-out code": null, …}'),
    ],
)
def test_a_file_that_is_not_a_scheme_is_rejected(tmp_path, content, expected):
    path = tmp_path / "mine.json"
    path.write_text(content)
    assert message(lambda: labels.load_scheme(str(path)), BadValue) == f"{path} {expected}"


def test_an_unknown_scheme_is_rejected():
    assert message(lambda: labels.load_scheme("iemocap6"), UnknownName) == (
        f"unknown label scheme 'iemocap6'\n  expected: one of {', '.join(labels.list_schemes())}\n"
        "  do: did you mean iemocap-6? see: cli list labels"
    )


def test_a_missing_label_file_is_rejected(tmp_path):
    path = tmp_path / "map.json"
    assert message(lambda: labels.load_scheme(str(path)), NotFound).startswith(f"there is no label file {path}\n  do: ")


def test_unknown_labels_are_rejected():
    rows = [Utterance("a", label="joy"), Utterance("b", label="zeal")]
    assert "does not know the labels 'joy', 'zeal'\n" in message(
        lambda: labels.load_scheme("iemocap-6").apply(rows), Mismatch
    )


def test_an_unknown_label_is_rejected():
    rows = [*ROWS, Utterance("e", label="joy"), Utterance("f", label="joy")]
    assert message(lambda: labels.load_scheme("iemocap-6").apply(rows), Mismatch) == (
        "label scheme 'iemocap-6' does not know the label 'joy'\n"
        "  expected: ang, fru, neu, sad, exc, hap, sur, fea, dis, xxx, oth\n"
        "  got: 'joy' on 2 utterances\n"
        "  do: choose another scheme from cli list labels with --labels NAME; --labels all keeps every label; "
        '--labels FILE.json is a mapping of your own, in which "joy": null leaves the label out'
    )


def test_a_scheme_that_keeps_no_utterance_is_rejected():
    rows = [Utterance("b", label="xxx"), Utterance("d")]
    assert message(lambda: labels.load_scheme("iemocap-4").apply(rows), Mismatch) == (
        "label scheme 'iemocap-4' keeps none of 2 utterances\n  do: cli list labels"
    )

import pytest
from hypothesis import HealthCheck, assume, given, settings

from featurestore.errors import Mismatch
from featurestore.folds.fold import split
from featurestore.folds.text_copies import link_copies, normalize_text
from featurestore.manifest import Utterance
from tests.support.manifests import apply_scheme, manifests


@settings(max_examples=20, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(manifests())
def test_training_and_test_share_no_script_and_no_text(utterances):
    rows = {row.id: row for row in utterances}
    try:
        folds = split("script-disjoint", utterances, apply_scheme(utterances))
    except Mismatch as refusal:
        assume("tests a class that it never trains on" not in str(refusal))
        raise
    for fold in folds:
        train, test = ([rows[one] for one in part] for part in (fold.train, fold.test))
        assert not {row.script for row in train} & {row.script for row in test} - {""}
        trained, tested = ({normalize_text(row.text) for row in part} for part in (train, test))
        assert not (trained & tested) - {""}
        near = {"i told you not to go", "he told you not to go"}
        assert not (near & trained and near & tested)


def test_without_scripts_texts_linked_by_copies_stay_together():
    texts = {"a": "I told you not to go", "b": "he told you not to go", "c": "he told you not to stay", "d": "Oh no"}
    assert link_copies(texts) == {
        "a": "he told you not to go",
        "b": "he told you not to go",
        "c": "he told you not to go",
        "d": "oh no",
    }
    rows = [Utterance(f"{key}{n}", text=text, label="sad") for key, text in texts.items() for n in range(2)]
    folds = split("script-disjoint", rows, {row.id: "sad" for row in rows})
    assert sorted(fold.test for fold in folds) == [("a0", "a1", "b0", "b1", "c0", "c1"), ("d0", "d1")]
    assert all(not fold.unused for fold in folds)


def test_a_phrase_of_several_scripts_is_left_out_of_training():
    rows = [
        Utterance(f"{script}{number}", text=text, label="sad", script=script)
        for script in "AB"
        for number, text in enumerate(["Yes!", f"Only {script}"])
    ]
    first, second = split("script-disjoint", rows, {row.id: "sad" for row in rows})
    assert {first.unused, second.unused} == {("A0",), ("B0",)}


def test_an_utterance_with_neither_script_nor_text_is_an_error():
    with pytest.raises(Mismatch, match="1 of 1 utterances have neither script nor text, for example a\n  do: fill"):
        split("script-disjoint", [Utterance("a", label="sad")], {"a": "sad"})

import json
import sys
from types import ModuleType

import pytest

from featurestore import registry
from featurestore.errors import Mismatch, UnknownName
from featurestore.folds import fold as folds
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance

CLASSES = {"a": "sad", "b": "happy", "c": "sad", "d": "happy"}
UTTERANCES = [Utterance(name, label=label) for name, label in CLASSES.items()]


@pytest.fixture
def protocol(monkeypatch):
    """Replace the protocol `holdout` by one that returns given folds."""

    def install(*found):
        module = ModuleType("protocol")
        module.folds = lambda utterances, classes, seed: list(found)
        module.SPEAKER_INDEPENDENT = False
        monkeypatch.setitem(sys.modules, "featurestore.protocols.holdout", module)

    return install


def split():
    return folds.split("holdout", UTTERANCES, CLASSES)


def refusal(kind=Mismatch):
    with pytest.raises(kind) as caught:
        split()
    return str(caught.value)


def test_correct_folds_pass(protocol):
    protocol(Fold("1", ("a", "b"), ("c", "d")), Fold("2", ("c", "d"), ("a", "b")))
    assert [fold.name for fold in split()] == ["1", "2"]


def test_an_empty_fold_is_refusal(protocol):
    protocol(Fold("1", ("a",), ()))
    assert refusal() == (
        "protocol holdout, fold 1 is empty\n  got: 1 to train on, 0 to test on\n"
        "  do: choose another protocol, or a label scheme that keeps more utterances"
    )


def test_training_on_a_test_utterance_is_refusal(protocol):
    protocol(Fold("1", ("a", "b", "c"), ("c", "d")))
    assert refusal() == "protocol holdout, fold 1 trains on 1 of its test utterances, for example c"


def test_an_utterance_without_a_class_is_refusal(protocol):
    protocol(Fold("1", ("a", "b", "x"), ("c", "d")))
    assert refusal(UnknownName) == "protocol holdout, fold 1 holds 1 utterance without a class, for example x"


def test_a_class_that_is_only_tested_is_refusal(protocol):
    protocol(Fold("1", ("a", "c"), ("b", "d")))
    assert refusal() == (
        "protocol holdout, fold 1 tests a class that it never trains on: happy\n"
        "  do: choose a label scheme without this class, or another protocol"
    )


@pytest.mark.parametrize(
    ("found", "tested"),
    [
        ((Fold("1", ("a", "b"), ("c", "d")), Fold("2", ("a", "b"), ("c", "d"))), 4),
        ((Fold("1", ("a", "b"), ("c",)), Fold("2", ("c", "d"), ("a", "b"))), 3),
    ],
)
def test_folds_test_each_utterance_exactly_once(protocol, found, tested):
    protocol(*found)
    assert refusal() == f"protocol holdout does not test each utterance exactly once\n  got: {tested} of 4"


def test_a_speaker_independent_protocol_refuses_a_speaker_in_training_and_test():
    rows = [
        Utterance(f"{session}{speaker}{label}", label=label, speaker=speaker, session=session)
        for session in "12"
        for speaker in "AB"
        for label in ("sad", "happy")
    ]
    with pytest.raises(Mismatch) as caught:
        folds.split("leave-one-session-out", rows, {row.id: row.label for row in rows})
    assert str(caught.value) == (
        "protocol leave-one-session-out, fold 1 tests 2 speakers that it also trains on, for example A\n"
        "  expected: no speaker in both training and test\n"
        "  do: use leave-one-speaker-out or speaker-kfold, or correct the columns speaker and session of the manifest"
    )


def test_json_reads_back_with_the_turns():
    found = [Fold("1", ("a", "b", "c"), ("e",), ("d",), turns=(("a",), ("b",)))]
    written = json.loads(json.dumps(folds.to_json(found)))
    assert folds.from_json(written) == found
    written["folds"][0]["turns"] = [["a", "b"]]
    with pytest.raises(Mismatch, match="changed after they were written"):
        folds.from_json(written)
    assert folds.restrict(found[0], {"a", "c", "d", "e"}, dict.fromkeys("abcde", "sad")).turns == (("a",),)


def test_a_fold_is_chosen_by_name():
    found = [Fold("1", (), ()), Fold("2", (), ())]
    assert folds.choose(found, "2") is found[1]
    with pytest.raises(UnknownName, match="unknown fold '3'\n  expected: one of 1, 2"):
        folds.choose(found, "3")


def test_restrict_keeps_the_order_and_checks_again():
    fold = Fold("1", ("b", "a"), ("d", "c"))
    assert folds.restrict(fold, {"a", "b", "d"}, CLASSES) == Fold("1", ("b", "a"), ("d",))
    with pytest.raises(Mismatch) as caught:
        folds.restrict(fold, {"a", "b"}, CLASSES)
    assert str(caught.value) == (
        "fold 1, restricted to utterances with features, is empty\n  got: 2 to train on, 0 to test on\n"
        "  do: choose another protocol, or a label scheme that keeps more utterances"
    )
    with pytest.raises(Mismatch, match="with features, tests a class that it never trains on: happy"):
        folds.restrict(fold, {"a", "c", "d"}, CLASSES)


def test_an_unknown_protocol_suggests_the_closest_name():
    with pytest.raises(UnknownName) as caught:
        folds.split("holdot", UTTERANCES, CLASSES)
    assert str(caught.value) == (
        f"unknown protocol 'holdot'\n  expected: one of {', '.join(registry.names('protocols'))}\n"
        "  do: did you mean holdout? see: cli list protocols, or --plugin FILE.py"
    )


def test_folds_read_back_and_a_change_is_an_error():
    rows = [Utterance(f"{s}-{n}", label="sad", speaker=f"S{s}") for s in range(3) for n in range(3)]
    found = folds.split("speaker-kfold", rows, {row.id: "sad" for row in rows}, dev=True)
    content = folds.to_json(found)
    assert folds.from_json(content) == found
    assert folds.digest(found) != folds.digest(found[1:])
    content["folds"][0]["train"] = content["folds"][0]["train"][1:]
    with pytest.raises(Mismatch, match="the folds were changed after they were written"):
        folds.from_json(content)


def test_a_dev_part_that_cannot_be_split_is_an_error():
    rows = [Utterance(f"{s}-{n}", label="sad", speaker=f"S{s}") for s in range(2) for n in range(3)]
    with pytest.raises(
        Mismatch, match="no dev part can be split from the training part of fold speaker-1\n  expected: at least two"
    ):
        folds.split("speaker-kfold", rows, {row.id: "sad" for row in rows}, dev=True)

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
    """Installs a protocol named `holdout` that gives these folds."""

    def install(*cuts):
        module = ModuleType("protocol")
        module.folds = lambda utterances, classes, seed: list(cuts)
        module.SPEAKER_INDEPENDENT = False
        monkeypatch.setitem(sys.modules, "featurestore.protocols.holdout", module)

    return install


def cut():
    return folds.cut("holdout", UTTERANCES, CLASSES)


def refused(kind=Mismatch):
    with pytest.raises(kind) as caught:
        cut()
    return str(caught.value)


def test_a_sound_cut_passes(protocol):
    protocol(Fold("1", ("a", "b"), ("c", "d")), Fold("2", ("c", "d"), ("a", "b")))
    assert [fold.name for fold in cut()] == ["1", "2"]


def test_an_empty_fold_is_refused(protocol):
    protocol(Fold("1", ("a",), ()))
    assert refused() == "protocol holdout, fold 1 is empty\n  got: 1 to train on, 0 to test on"


def test_training_on_a_test_utterance_is_refused(protocol):
    protocol(Fold("1", ("a", "b", "c"), ("c", "d")))
    assert refused() == "protocol holdout, fold 1 trains on 1 of its test utterances, c among them"


def test_an_utterance_without_a_class_is_refused(protocol):
    protocol(Fold("1", ("a", "b", "x"), ("c", "d")))
    assert refused(UnknownName) == "protocol holdout, fold 1 holds 1 utterances without a class, x among them"


def test_a_class_that_is_only_tested_is_refused(protocol):
    protocol(Fold("1", ("a", "c"), ("b", "d")))
    assert refused() == (
        "protocol holdout, fold 1 tests a class that it never trains on: happy\n"
        "  do: choose a label scheme without it, or another protocol"
    )


@pytest.mark.parametrize(
    ("cuts", "tested"),
    [
        ((Fold("1", ("a", "b"), ("c", "d")), Fold("2", ("a", "b"), ("c", "d"))), 4),
        ((Fold("1", ("a", "b"), ("c",)), Fold("2", ("c", "d"), ("a", "b"))), 3),
    ],
)
def test_folds_test_each_utterance_once(protocol, cuts, tested):
    protocol(*cuts)
    assert refused() == f"protocol holdout does not test each utterance once\n  got: {tested} of 4"


def test_a_speaker_on_both_sides_is_refused_where_the_protocol_is_speaker_independent():
    rows = [
        Utterance(f"{session}{speaker}{label}", label=label, speaker=speaker, session=session)
        for session in "12"
        for speaker in "AB"
        for label in ("sad", "happy")
    ]
    with pytest.raises(Mismatch) as caught:
        folds.cut("leave-one-session-out", rows, {row.id: row.label for row in rows})
    assert str(caught.value) == (
        "protocol leave-one-session-out, fold 1 tests 2 speakers that it trains on, A among them\n"
        "  expected: no speaker on both sides\n"
        "  do: take leave-one-speaker-out or speaker-kfold, or mend the columns speaker and session of the manifest"
    )


def test_what_is_written_is_read_again_with_the_parts_that_take_turns():
    found = [Fold("1", ("a", "b", "c"), ("e",), ("d",), turns=(("a",), ("b",)))]
    written = json.loads(json.dumps(folds.to_json(found)))
    assert folds.from_json(written) == found
    written["folds"][0]["turns"] = [["a", "b"]]
    with pytest.raises(Mismatch, match="changed after they were written"):
        folds.from_json(written)
    assert folds.restrict(found[0], {"a", "c", "d", "e"}, dict.fromkeys("abcde", "sad")).turns == (("a",),)


def test_choosing_a_fold_by_name():
    found = [Fold("1", (), ()), Fold("2", (), ())]
    assert folds.choose(found, "2") is found[1]
    with pytest.raises(UnknownName, match="unknown fold '3'\n  expected: one of 1, 2"):
        folds.choose(found, "3")


def test_restricting_keeps_the_order_and_checks_again():
    fold = Fold("1", ("b", "a"), ("d", "c"))
    assert folds.restrict(fold, {"a", "b", "d"}, CLASSES) == Fold("1", ("b", "a"), ("d",))
    with pytest.raises(Mismatch) as caught:
        folds.restrict(fold, {"a", "b"}, CLASSES)
    assert str(caught.value) == (
        "fold 1, of the utterances that have features, is empty\n  got: 2 to train on, 0 to test on"
    )
    with pytest.raises(Mismatch, match="that have features, tests a class that it never trains on: happy"):
        folds.restrict(fold, {"a", "c", "d"}, CLASSES)


def test_an_unknown_protocol_is_named():
    with pytest.raises(UnknownName) as caught:
        folds.cut("holdot", UTTERANCES, CLASSES)
    assert str(caught.value) == (
        f"unknown protocol 'holdot'\n  expected: one of {', '.join(registry.names('protocols'))}\n"
        "  do: did you mean holdout? see: cli list protocols"
    )

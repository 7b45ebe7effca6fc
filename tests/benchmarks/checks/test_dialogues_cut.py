"""The dialogues that each protocol cuts are counted, for a head that reads them."""

from dataclasses import replace

import pytest

from benchmarks import checks
from benchmarks.checks._examples import build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore import registry
from featurestore.folds.fold import Fold, split
from featurestore.manifest import Utterance

# three sessions of two dialogues, in which two speakers say four turns in turn
ROWS = tuple(
    Utterance(
        f"{dialogue}_{letter}{number}",
        label=label,
        speaker=f"{session}{letter}",
        session=session,
        dialogue=dialogue,
    )
    for session in "123"
    for dialogue in (f"Ses0{session}F_impro01", f"Ses0{session}M_impro01")
    for number, (letter, label) in enumerate([("F", "ang"), ("M", "sad"), ("F", "sad"), ("M", "ang")])
)
CLASSES = {row.id: row.label for row in ROWS}
REST = (
    ": a head sees of these only the turns of one side, so that its context has holes, and neighbouring turns of a "
    "conversation are in training and test; do: --protocol dialogue-kfold, dialogue-holdout or leave-one-session-out"
)


def run(folds, rows=ROWS, context="whole dialogue"):
    systems = build_evaluation(context=context).systems
    evaluation = Evaluation({"classes": CLASSES}, tuple(folds), tuple(rows), systems)
    found = registry.module("checks", "dialogues-cut").check(evaluation)
    return found.outcome, found.message


@pytest.mark.parametrize("context", ["whole dialogue", "past turns"])
def test_a_fold_by_speaker_cuts_the_dialogues_of_its_session(context):
    assert run(split("leave-one-speaker-out", ROWS, CLASSES), context=context) == (
        checks.FAILED,
        "6 of 6 dialogues are cut by folds (2 in 1F, 2 in 1M, 2 in 2F, …)" + REST,
    )


def test_random_folds_cut_every_dialogue():
    outcome, message = run(split("random-utterance", ROWS, CLASSES))
    assert outcome == checks.FAILED
    assert message.startswith("6 of 6 dialogues are cut by folds (")


@pytest.mark.parametrize("protocol", ["dialogue-kfold", "dialogue-holdout", "dialogue-letter", "leave-one-session-out"])
def test_protocols_by_dialogue_or_session_cut_none(protocol):
    for dev in (False, True):
        folds = split(protocol, ROWS, CLASSES, dev=dev)
        assert run(folds) == (checks.PASSED, "none of 6 dialogues is in training and in test of the same fold")


def test_a_cut_between_dev_and_test_counts_and_one_between_training_and_dev_does_not():
    first, second, third = ([row.id for row in ROWS if row.session == session] for session in "123")
    assert run([Fold("1", tuple(second), tuple(first[:6]), tuple(first[6:]))]) == (
        checks.FAILED,
        "1 of 6 dialogues are cut by folds (1 in 1)" + REST,
    )
    inside = Fold("1", (*second, *third[:6]), tuple(first), tuple(third[6:]))
    unused = Fold("1", tuple(second), tuple(first[:6]), unused=tuple(first[6:]))
    assert [run([fold])[0] for fold in (inside, unused)] == [checks.PASSED] * 2


def test_folds_without_a_cut_are_not_listed():
    first, second, third = ([row.id for row in ROWS if row.session == session] for session in "123")
    whole = Fold("whole", (*second, *third), tuple(first))
    cut = Fold("cut", (*first, *third[2:]), (*second, *third[:2]))
    assert run([whole, cut])[1].startswith("1 of 6 dialogues are cut by folds (1 in cut): ")


def test_turns_without_a_dialogue_are_not_cut():
    bare = [replace(row, dialogue="") for row in ROWS]
    folds = split("leave-one-speaker-out", ROWS, CLASSES)
    assert run(folds, bare) == (
        checks.NOT_APPLICABLE,
        "the manifest names no dialogues, so that no head sees other turns",
    )
    partly = [*ROWS[:4], *bare[4:]]
    assert run(folds, partly)[1].startswith("1 of 1 dialogues are cut by folds (1 in 1F, 1 in 1M): ")


def test_it_applies_only_where_a_head_reads_dialogues():
    folds = split("random-utterance", ROWS, CLASSES)
    assert run(folds, context="") == (checks.NOT_APPLICABLE, "no head reads dialogues")

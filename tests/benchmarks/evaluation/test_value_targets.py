"""Targets that are values: which utterances have them, what balances their folds, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.evaluation.task import open_task
from benchmarks.evaluation.value_targets import collect_ratings, cut_quarters, parse_targets
from featurestore.errors import BadValue, Mismatch, UnknownName
from featurestore.folds import fold as folding
from featurestore.manifest import Utterance
from tests.support.fake_store import corpus
from tests.support.rated_store import RatedStore, rate


def test_targets_are_read_in_order_and_once():
    assert parse_targets("dominance, valence,dominance") == ("dominance", "valence")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (",", BadValue, "--target is empty\n  expected: one or more of valence, activation, dominance"),
        ("valense", UnknownName, "unknown target 'valense'\n.*\n  do: did you mean valence?"),
        (
            "Arousal",
            UnknownName,
            "unknown target 'Arousal'\n.*\n  do: the manifest calls it activation: --target activ",
        ),
    ],
)
def test_a_target_that_is_no_column_is_refused(text, error, message):
    with pytest.raises(error, match=message.replace("?", r"\?")):
        parse_targets(text)


def test_utterances_without_every_value_are_left_out_counted_and_said():
    rows = [*rate(), Utterance("odd", speaker="S", valence=math.nan, activation=1.0, dominance=1.0)]
    task = open_task(RatedStore(tuple(rows)), labels=None, protocol="holdout", targets=("valence", "dominance"))
    kept = {row.id for row in rate() if None not in (row.valence, row.dominance)}
    assert task.ratings.keys() == task.classes.keys() == kept
    assert task.ratings == {row.id: (row.valence, row.dominance) for row in rows if row.id in kept}
    assert task.count_left_out() == {"no valence and no dominance": 10, "no dominance": 10, "no valence": 1}
    (line,) = task.describe_missing({})
    assert line == (
        "target valence, dominance keeps 140 utterances and leaves out 10 with no valence and no dominance, "
        "10 with no dominance, 1 with no valence"
    )


def test_a_target_that_no_utterance_has_is_refused_with_those_that_some_have():
    rows = [replace(row, valence=None) for row in rate()]
    with pytest.raises(
        Mismatch, match="no utterance has a value of valence\n.*\n  got: numbers in activation, dominance al"
    ):
        collect_ratings(rows, ("valence",))
    with pytest.raises(
        Mismatch, match="got: none in valence, activation, dominance\n  do: choose a corpus with ratings"
    ):
        collect_ratings(corpus(), ("valence",))


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=90))
def test_quarters_are_in_the_order_of_the_values_and_equal_values_are_together(values):
    ratings = {f"u{number}": (value, 0.0) for number, value in enumerate(values)}
    found = cut_quarters(ratings, ("valence", "activation"))
    assert found.keys() == ratings.keys()
    ordered = [found[one] for one in sorted(ratings, key=lambda one: ratings[one])]
    assert ordered == sorted(ordered)
    assert len(set(found.values())) <= max(1, min(4, len(values) // 10, len(set(values))))
    for value in set(values):
        assert len({found[one] for one in ratings if ratings[one][0] == value}) == 1


def test_many_different_values_are_cut_into_equal_quarters():
    ratings = {f"u{number}": (float(number),) for number in range(400)}
    assert np.unique(list(cut_quarters(ratings, ("valence",)).values()), return_counts=True)[1].tolist() == [100] * 4


def test_a_test_part_may_have_a_quarter_that_training_lacks():
    rows = tuple(replace(row, valence=5.0 if row.session == "1" else 1.0) for row in rate())
    task = open_task(RatedStore(rows), labels=None, protocol="leave-one-session-out", targets=("valence",))
    assert [fold.name for fold in task.complete_folds({}, 0)] == ["1", "2", "3", "4", "5"]
    with pytest.raises(Mismatch, match="tests a class that it never trains on: valence, quarter 2"):
        folding.split("leave-one-session-out", rows, task.classes)


def test_holdout_holds_out_the_utterances_that_it_holds_out_by_class():
    by_value = open_task(RatedStore(), labels=None, protocol="holdout", targets=("valence",))
    by_class = open_task(RatedStore(), labels="iemocap-6", protocol="holdout")
    common = by_value.classes.keys() & by_class.classes.keys()
    parts = [set(task.folds[0].test) & common for task in (by_value, by_class)]
    assert parts[0] == parts[1]

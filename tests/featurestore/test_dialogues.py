import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.dialogues import find_previous_turns as previous
from featurestore.dialogues import list_texts, order_turns
from featurestore.errors import Mismatch
from featurestore.manifest import Utterance

DO = (
    "\n  do: fix the columns start and end, or leave start empty in every turn of the dialogue, which keeps the order "
    "of the rows; a store then needs cli prepare again"
)


def turn(utterance_id, dialogue="d", start=None, end=None, **others):
    return Utterance(utterance_id, dialogue=dialogue, start=start, end=end, **others)


def ids(ordered):
    return {name: [row.id for row in turns] for name, turns in ordered.items()}


def test_turns_are_ordered_by_start_then_end():
    rows = [turn("c", start=2.0, end=3.0), turn("b", start=0.5, end=9.0), turn("a", start=0.5, end=1.0)]
    assert ids(order_turns(rows)) == {"d": ["a", "b", "c"]}


def test_turns_without_a_start_stay_in_manifest_order():
    rows = [turn("z"), turn("x", dialogue="e", start=1.0), turn("a", end=3.0), turn("m"), turn("w", "e", start=0.0)]
    assert ids(order_turns(rows)) == {"d": ["z", "a", "m"], "e": ["w", "x"]}


def test_an_utterance_without_a_dialogue_is_in_none():
    rows = [turn("a", dialogue="", start=1.0), turn("b", dialogue="", start=1.0), turn("c", label="xxx")]
    assert ids(order_turns(rows)) == {"d": ["c"]}
    assert order_turns([]) == {}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99)), unique=True, max_size=30), st.randoms())
def test_the_order_does_not_depend_on_the_order_of_timed_rows(times, shuffle: random.Random):
    rows = [turn(f"{name}-{start}", f"d{name}", float(start), float(start + 1)) for name, start in times]
    expected = {
        f"d{name}": [f"{name}-{start}" for start in sorted(start for other, start in times if other == name)]
        for name in {name for name, _ in times}
    }
    shuffle.shuffle(rows)
    assert ids(order_turns(rows)) == expected


def test_some_turns_without_a_start_are_named():
    rows = [turn("a", start=1.0), turn("b"), turn("c", start=float("nan")), turn("x", dialogue="e")]
    with pytest.raises(Mismatch) as raised:
        order_turns(rows)
    assert str(raised.value) == (
        "some turns of dialogue d have no start, so their order is unknown\n"
        "  expected: a start in every turn of a dialogue, or in none\n"
        f"  got: 2 of 3 turns of d without: b, c{DO}"
    )


def test_several_dialogues_with_missing_starts_are_counted():
    rows = [turn(f"{name}{index}", name, 1.0 if index else None) for name in "pqrs" for index in range(2)]
    with pytest.raises(Mismatch, match=r"^some turns of 4 dialogues \(p, q, r …\) have no start"):
        order_turns(rows)


def test_two_turns_at_the_same_time_are_named():
    rows = [turn("b", start=1.5, end=2.0), turn("c", start=0.0, end=1.0), turn("a", start=1.5, end=2.0)]
    with pytest.raises(Mismatch) as raised:
        order_turns(rows)
    assert str(raised.value) == (
        "the order of b and a in dialogue d is ambiguous\n"
        "  expected: turns that differ in start or end\n"
        f"  got: 1.5 s to 2 s and 1.5 s to 2 s{DO}"
    )


def test_a_missing_end_does_not_order_turns_of_one_start():
    with pytest.raises(Mismatch, match="1 s to 2 s and 1 s to no end"):
        order_turns([turn("a", start=1.0), turn("b", start=1.0, end=2.0)])


def test_segments_of_several_recordings_are_not_ordered_by_their_own_clocks():
    rows = [turn("a", start=0.0, end=2.0, audio="1.wav"), turn("b", start=0.0, end=1.0, audio="2.wav")]
    assert ids(order_turns(rows)) == {"d": ["b", "a"]}  # times in the recording of the dialogue
    with pytest.raises(Mismatch) as raised:
        order_turns(rows, segments=True)
    assert str(raised.value) == (
        "the turns of dialogue d are segments of several recordings, so start does not order them\n"
        "  expected: one recording per dialogue, or turns without a start\n"
        "  got: 2 recordings in d: 1.wav, 2.wav\n"
        "  do: give the turns of each recording a dialogue of their own, or cut the clips, remove start and end, and "
        "put the rows in order; a store then needs cli prepare again"
    )
    one = [turn("a", start=3.0, audio="1.wav"), turn("b", start=1.0, audio="1.wav"), turn("c", "e", audio="2.wav")]
    assert ids(order_turns(one, segments=True)) == {"d": ["b", "a"], "e": ["c"]}


def test_the_turns_before_each_are_found_in_place():
    rows = [turn("c", start=3.0), turn("x", ""), turn("a", start=1.0), turn("p", "e"), turn("b", start=2.0)]
    found = {row.id: [before.id for before in turns] for row, turns in zip(rows, previous(rows, 9), strict=True)}
    assert found == {"c": ["a", "b"], "x": [], "a": [], "p": [], "b": ["a"]}
    assert [[before.id for before in turns] for turns in previous(rows, 1)] == [["b"], [], [], [], ["a"]]
    assert previous(rows, 0) == [()] * 5


def test_rows_of_one_id_have_their_own_turns_before_them():
    rows = [turn("a", text="first"), turn("a", text="second"), turn("a", "e", text="third")]
    assert [[before.text for before in turns] for turns in previous(rows, 2)] == [[], ["first"], []]


def test_turns_without_words_have_no_text():
    assert list_texts([turn("a", text=" "), turn("b", text="yes "), turn("c")]) == ("yes ",)

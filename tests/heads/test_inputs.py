from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heads import Block, Frames, Inputs, Turns

quick = settings(max_examples=100, deadline=None, derandomize=True)


@dataclass
class Row:
    """A turn of a generated corpus, and whether it has a class and is to be kept."""

    dialogue: int
    has_class: bool
    is_kept: bool


ROWS = st.lists(st.builds(Row, st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=14)


def make(rows):
    """Make inputs in which every part of a row tells its number."""
    numbers = np.arange(len(rows))
    return Inputs(
        numbers[:, None] + np.array([[0.0, 0.5]]),
        (Block("audio.mean", "audio", (1,)), Block("text.mean", "text", (1,))),
        frames=(Frames("audio.frames", "audio", [np.full((1 + number % 3, 2), number) for number in numbers]),),
        turns=Turns(
            np.array([f"dialogue {row.dialogue}" for row in rows]),
            100 - numbers,  # rows are not in the order of their dialogues
            np.array([f"speaker {number}" for number in numbers]),
        ),
        words=tuple(f"word {number}" for number in numbers),
        targets=np.array([number for number, row in enumerate(rows) if row.has_class], np.intp),
    )


def find_rows_that_stay(rows):
    """List the rows that stay, by the rule: a turn without a class goes with a dialogue that is whole."""
    stay = []
    for number, row in enumerate(rows):
        targets = [other for other in rows if other.dialogue == row.dialogue and other.has_class]
        whole = bool(targets) and all(other.is_kept for other in targets)
        if row.is_kept if row.has_class else whole:
            stay.append(number)
    return stay


def select(rows):
    inputs = make(rows)
    places = [place for place, number in enumerate(inputs.targets) if rows[number].is_kept]
    return inputs, places, inputs.select(places)


@quick
@given(ROWS)
def test_rows_of_the_other_side_and_context_of_cut_dialogues_leave(rows):
    _, _, part = select(rows)
    assert part.X[:, 0].tolist() == find_rows_that_stay(rows)


@quick
@given(ROWS)
def test_all_parts_of_a_row_stay_together(rows):
    inputs, _, part = select(rows)
    stay = find_rows_that_stay(rows)
    assert part.blocks == inputs.blocks
    assert part.X[:, 1].tolist() == [number + 0.5 for number in stay]
    assert [(len(frames), set(frames.ravel())) for frames in part.frames[0].rows] == [
        (1 + number % 3, {number}) for number in stay
    ]
    assert part.turns.dialogue.tolist() == [f"dialogue {rows[number].dialogue}" for number in stay]
    assert part.turns.position.tolist() == [100 - number for number in stay]
    assert part.turns.speaker.tolist() == [f"speaker {number}" for number in stay]
    assert part.words == tuple(f"word {number}" for number in stay)


@quick
@given(ROWS, st.randoms(use_true_random=False))
def test_targets_come_in_the_order_of_places(rows, random):
    inputs, places, _ = select(rows)
    random.shuffle(places)
    part = inputs.select(places)
    assert len(part) == len(places)
    assert part.X[part.targets, 0].tolist() == inputs.targets[places].tolist()
    assert part.X[:, 0].tolist() == find_rows_that_stay(rows)  # the rows themselves stay in order


@quick
@given(ROWS)
def test_two_sides_share_no_row(rows):
    inputs, places, part = select(rows)
    others = np.setdiff1d(np.arange(len(inputs)), places)
    rest = inputs.select(others)
    assert not set(part.X[:, 0]) & set(rest.X[:, 0])


@quick
@given(ROWS)
def test_to_select_every_target_keeps_every_dialogue_that_has_one(rows):
    inputs = make(rows)
    kept = inputs.select(np.arange(len(inputs)))
    with_target = {row.dialogue for row in rows if row.has_class}
    assert kept.X[:, 0].tolist() == [number for number, row in enumerate(rows) if row.dialogue in with_target]


def test_without_dialogues_rows_without_a_class_leave():
    inputs = Inputs(np.arange(4.0)[:, None], (Block("X", "", (1,)),), targets=np.array([0, 2, 3]))
    part = inputs.select([2, 0])
    assert part.X.ravel().tolist() == [0, 3]
    assert part.targets.tolist() == [1, 0]


def test_parts_of_different_length_raise():
    message = r"^inputs do not fit together: rows \[2, 3\], columns 1, X \(3, 1\)$"
    with pytest.raises(ValueError, match=message):
        Inputs(np.zeros((3, 1)), (Block("X", "", (1,)),), words=("one", "two"))


def test_columns_that_no_block_has_raise():
    with pytest.raises(ValueError, match=r"^inputs do not fit together: rows \[3\], columns 1, X \(3, 2\)$"):
        Inputs(np.zeros((3, 2)), (Block("X", "", (1,)),))

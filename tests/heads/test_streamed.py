"""A matrix whose rows are read when they are used, against the array that it is read from."""

import re

import numpy as np
import pytest

from heads import Inputs, StreamedMatrix
from heads._streamed import is_finite, iterate_batches, take_rows
from heads.stacking import StackingHead
from tests.support import streams
from tests.support.quick_heads import as_inputs

VALUES = np.random.default_rng(0).normal(size=(97, 5)).astype(np.float32)


def streamed(values=VALUES, sizes=None):
    return streams.stream(values, sizes)


@pytest.mark.parametrize(
    "rows", [slice(3, 90, 4), slice(-5, None), [96, 0, 0, 3], np.arange(97) % 3 == 0, np.empty(0, int)]
)
def test_rows_are_read_as_of_an_array(rows):
    X = streamed()
    assert np.array_equal(X[rows], VALUES[rows])
    assert (X.shape, X.dtype, X.nbytes, len(X)) == (VALUES.shape, VALUES.dtype, VALUES.nbytes, 97)


@pytest.mark.parametrize("rows", [3, np.int64(3), (slice(None), 0)])
def test_columns_and_single_rows_are_refused(rows):
    with pytest.raises(TypeError, match=rf"only slices, numbers and masks of rows .* got {re.escape(repr(rows))}"):
        streamed()[rows]


def test_a_selection_of_a_changed_selection_is_composed():
    X = streamed().select([5, 90, 7, 7]).map(lambda values, rows: values * rows[:, None]).select([3, 1])
    assert np.array_equal(X[:], VALUES[[7, 90]] * np.array([[3], [1]]))
    assert X.dtype == np.float32


@pytest.mark.parametrize("numbers", [1, 5, 12, 1000])
def test_batches_are_all_rows_in_order_and_no_larger_than_asked(numbers):
    sizes = []
    found = list(streamed(sizes=sizes).iterate(numbers))
    assert np.array_equal(np.concatenate([values for _, values in found]), VALUES)
    assert np.array_equal(np.concatenate([np.arange(97)[rows] for rows, _ in found]), np.arange(97))
    assert max(sizes) == min(97, max(1, numbers // 5))


def test_random_batches_are_read_several_together(monkeypatch):
    monkeypatch.setattr("heads._streamed._WINDOW", 5 * 30)
    order = np.random.default_rng(1).permutation(97)
    batches = [order[start : start + 10] for start in range(0, 97, 10)]
    sizes = []
    found = list(iterate_batches(streamed(sizes=sizes), batches))
    for values, rows in zip(found, batches, strict=True):
        assert np.array_equal(values, VALUES[rows])
    assert sizes == [30, 30, 30, 7]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_found_in_any_batch(monkeypatch, bad):
    monkeypatch.setattr("heads._streamed._BATCH", 10)
    values = VALUES.copy()
    assert is_finite(streamed(values))
    values[96, 4] = bad
    assert not is_finite(streamed(values))


def test_inputs_select_without_reading():
    sizes = []
    inputs = Inputs(streamed(sizes=sizes), as_inputs(VALUES).blocks).select([4, 2, 9])
    assert isinstance(inputs.matrix, StreamedMatrix)
    assert sizes == []
    assert np.array_equal(inputs.matrix[:], VALUES[[4, 2, 9]])
    assert np.array_equal(take_rows(VALUES, np.array([4, 2])), VALUES[[4, 2]])


@pytest.mark.parametrize("X", [streamed(), Inputs(streamed(), as_inputs(VALUES).blocks)])
def test_a_head_that_cannot_stream_says_so(X):
    with pytest.raises(ValueError, match=r"^StackingHead needs its whole matrix in memory: give it X\[:\]$"):
        StackingHead().fit(X, np.arange(97) % 2)

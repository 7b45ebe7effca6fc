"""Sums by unit against a loop over utterances, and groups of many units against each unit alone."""

import numpy as np
import pytest

from benchmarks.statistics import bootstrap, unit_sums
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.intervals import estimate_metrics
from benchmarks.statistics.matrix_store import MatrixStore, SpilledMatrix

NAMES = ("ang", "hap", "sad")


def draw(n):
    rng = np.random.default_rng(1)
    truth = rng.integers(3, size=n)
    probabilities = rng.dirichlet(np.ones(3), n) * 0.5 + 0.5 * np.eye(3)[truth]
    return truth, probabilities.argmax(1), probabilities


def answer(n):
    truth, prediction, probabilities = draw(n)
    return Answers([NAMES[one] for one in truth], [NAMES[one] for one in prediction], NAMES, probabilities)


@pytest.mark.parametrize("block", [7, 1000])
def test_sums_equal_a_loop_over_utterances(block, monkeypatch):
    monkeypatch.setattr(unit_sums, "_BLOCK", block)
    truth, prediction, probabilities = draw(40)
    unit = np.arange(40) % 4
    expected = np.zeros((4, 9 + 2 + 30))
    for row in range(40):
        highest = probabilities[row].max()
        place = int(np.ceil(highest * 15)) - 1
        expected[unit[row], 3 * truth[row] + prediction[row]] += 1
        expected[unit[row], 9] -= np.log(probabilities[row, truth[row]])
        expected[unit[row], 10] += ((probabilities[row] - np.eye(3)[truth[row]]) ** 2).sum()
        expected[unit[row], 11 + place] += highest
        expected[unit[row], 26 + place] += prediction[row] == truth[row]
    np.testing.assert_allclose(answer(40).sum_by_unit(unit), expected, rtol=1e-12, atol=1e-12)


def test_few_units_are_resampled_one_by_one():
    unit = np.array([2, 0, 1, 0])
    assert bootstrap.group_units(unit) is unit


def test_groups_are_equal_in_size_whole_and_the_same_for_every_head(monkeypatch):
    monkeypatch.setattr(bootstrap, "MOST_UNITS", 10)
    unit = np.repeat(np.arange(42), 3)
    groups = bootstrap.group_units(unit, 5)
    assert sorted(np.bincount(groups)) == [12] * 8 + [15] * 2
    assert all(len(set(groups[unit == one])) == 1 for one in range(42))
    assert groups.tolist() == bootstrap.group_units(unit, 5).tolist() != bootstrap.group_units(unit, 6).tolist()


def test_intervals_over_groups_agree_with_those_over_units(monkeypatch):
    found = {}
    for most in (8_000, 1_000):
        monkeypatch.setattr(bootstrap, "MOST_UNITS", most)
        found[most] = estimate_metrics([answer(8_000)], resamples=1000)
    for name, one in found[8_000].items():
        assert found[1_000][name].value == one.value
        if one.low is not None:
            assert found[1_000][name].high - found[1_000][name].low == pytest.approx(one.high - one.low, rel=0.12)


def test_a_matrix_beyond_the_limit_is_read_back_from_a_file():
    rng = np.random.default_rng(0)
    first, second, third = rng.random((5, 3)), rng.random((4, 3)), rng.random((6, 2))
    store = MatrixStore(limit=130)
    kept = [store.keep(one) for one in (first, second, third)]
    assert kept[0] is first
    for spilled, values in zip(kept[1:], (second, third), strict=True):
        assert isinstance(spilled, SpilledMatrix)
        assert (spilled.shape, len(spilled)) == (values.shape, len(values))
        np.testing.assert_array_equal(np.asarray(spilled), values)
        np.testing.assert_array_equal(spilled[1:3], values[1:3])
        assert spilled[9:].shape == (0, values.shape[1])


def test_figures_of_a_spilled_matrix_are_the_same():
    truth, prediction, probabilities = draw(30)
    names = [[NAMES[one] for one in labels] for labels in (truth, prediction)]
    spilled = Answers(*names, NAMES, MatrixStore(limit=0).keep(probabilities))
    assert spilled.values() == Answers(*names, NAMES, probabilities).values()

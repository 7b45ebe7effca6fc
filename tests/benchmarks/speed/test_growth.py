import numpy as np
import pytest

from benchmarks.speed._growth import Cost, compare_sizes, measure_growth


def fill(rows, width):
    """Hold a matrix, long enough that its memory is sampled, and return a time of its own."""
    import time

    values = np.ones((rows, width))
    time.sleep(0.3)
    return float(values[:, 0].sum()) / 1000


def test_every_size_has_its_time_and_its_memory():
    small, large = measure_growth(fill, (1_000, 100_000), 100)
    assert [(cost.rows, cost.seconds) for cost in (small, large)] == [(1_000, 1), (100_000, 100)]
    assert large.memory - small.memory == pytest.approx(99_000 * 100 * 8 / 2**20, rel=0.1)


def test_growth_is_the_time_of_a_row_against_the_size_before():
    *_, growth = compare_sizes("work", [Cost(10, 1.0, 50), Cost(100, 20.0, 60)], "one thread", seconds=5, memory=100)
    assert (growth.ratio, growth.passed) == (2.0, False)


def test_bars_are_on_the_largest_size():
    rows = compare_sizes("work", [Cost(10, 1.0, 500), Cost(100, 2.0, 60)], "one thread", seconds=5, memory=100)
    assert [row.passed for row in rows] == [None, None, True, True, True]

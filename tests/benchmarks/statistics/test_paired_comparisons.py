"""Paired tests of two heads, Holm's correction, and the letters of what does not differ."""

import gc
from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.statistics import bootstrap
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.intervals import resample_metrics
from benchmarks.statistics.multiple_comparisons import compact_letter_display, correct_holm
from benchmarks.statistics.paired_comparisons import compare_pairs, mcnemar_p_value, significant_pairs

CLASSES = ["ang", "sad"]


def answers(right):
    return Answers(["sad"] * len(right), np.where(right, "sad", "ang").tolist(), CLASSES)


def test_mcnemar_is_the_binomial_test_of_discordant_utterances():
    first, second = np.array([True] * 9 + [False] * 6), np.array([True] * 2 + [False] * 12 + [True])
    expected = binomtest(7, 8).pvalue  # 7 right by the first alone, 1 by the second alone
    assert mcnemar_p_value(answers(first), answers(second)) == pytest.approx(expected)
    assert mcnemar_p_value(answers(first), answers(first)) == 1.0


def test_a_clear_difference_is_significant_and_equal_heads_share_a_letter():
    rng = np.random.default_rng(0)
    strong, like = ([answers(rng.random(300) < 0.8)] for _ in range(2))
    weak = [answers(rng.random(300) < 0.5)]
    speakers = [f"S{number % 10}" for number in range(300)]
    pairs = compare_pairs({"a": strong, "b": like, "c": weak}, clusters=speakers, metric="accuracy")
    assert significant_pairs(pairs) == {frozenset("ac"), frozenset("bc")}
    assert compact_letter_display(["a", "b", "c"], significant_pairs(pairs)) == {"a": "a", "b": "a", "c": "b"}
    first = pairs[1]
    assert (first.first, first.second) == ("a", "c")
    assert first.low <= first.value <= first.high
    assert first.value == pytest.approx(strong[0].values()["accuracy"] - weak[0].values()["accuracy"])


def test_the_same_head_twice_does_not_differ():
    one = [answers(np.arange(20) % 3 > 0)]
    (pair,) = compare_pairs({"a": one, "b": one})
    assert (pair.value, pair.low, pair.high, pair.p, pair.mcnemar_p) == (0, 0, 0, 1, 1)
    assert compare_pairs({"a": one}) == []


def test_a_spread_of_0_gives_the_p_value_of_a_sign_test():
    right, wrong = ([answers(np.full(4, value))] for value in (True, False))
    (pair,) = compare_pairs({"a": right, "b": wrong}, metric="accuracy")
    assert (pair.value, pair.p, pair.mcnemar_p) == (1, 0.125, 0.125)


def test_p_values_use_the_effective_cluster_count():
    rng, speakers = np.random.default_rng(2), ["A"] * 90 + [f"S{number}" for number in range(10)]
    one, other = ([answers(rng.random(100) < 0.6)] for _ in range(2))
    (pair,) = compare_pairs({"a": one, "b": other}, clusters=speakers, metric="accuracy")
    unit = bootstrap.number_units(100, speakers)
    first, second = (resample_metrics(head, unit)["accuracy"] for head in (one, other))
    assert pair.p == bootstrap.two_sided_p_value(pair.value, first - second, 100**2 / (90**2 + 10))


def test_holm_multiplies_the_smallest_p_by_the_number_of_pairs():
    rng = np.random.default_rng(1)
    heads = {name: [answers(rng.random(200) < share)] for name, share in (("a", 0.9), ("b", 0.6), ("c", 0.55))}
    pairs = compare_pairs(heads)
    smallest = min(pairs, key=lambda pair: pair.p)
    assert smallest.p_holm == pytest.approx(min(1, 3 * smallest.p))
    assert all(pair.p_holm >= pair.p and pair.mcnemar_p_holm >= pair.mcnemar_p for pair in pairs)


def test_holm_multiplies_each_p_value_by_the_number_of_comparisons_left():
    assert correct_holm([0.01, 0.5, 0.02]) == pytest.approx([0.03, 0.5, 0.04])
    assert correct_holm([0.9, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize("frozen", [True, False])
def test_holm_leaves_frozen_what_the_caller_has_frozen(frozen):
    before = gc.get_freeze_count()
    gc.unfreeze()
    try:
        if frozen:
            gc.freeze()
        correct_holm([0.01, 0.5, 0.02])
        assert bool(gc.get_freeze_count()) == frozen
    finally:
        if before:
            gc.freeze()


def test_letters_may_overlap():
    apart = {frozenset("ad"), frozenset("ac"), frozenset("bd")}
    assert compact_letter_display(list("abcd"), apart) == {"a": "a", "b": "ab", "c": "bc", "d": "c"}
    assert compact_letter_display(list("ab"), set()) == {"a": "a", "b": "a"}


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 12])
def test_no_difference_is_significant_with_fewer_than_six_speakers(count):
    n = 100 * count
    heads = {"right": [answers([True] * n)], "wrong": [answers([row % (20 + row // 100) == 0 for row in range(n)])]}
    (pair,) = compare_pairs(heads, clusters=[f"S{row // 100}" for row in range(n)])
    signs = list(product((-1, 1), repeat=count))  # what all speakers agree on, under every flip of their signs
    least = sum(abs(sum(flip)) == count for flip in signs) / len(signs)
    assert (pair.p >= least) or count >= 6
    assert bool(significant_pairs([pair])) == (count >= 6)

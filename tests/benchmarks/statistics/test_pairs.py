from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.statistics import bootstrap, clusters
from benchmarks.statistics import pairs as compare
from benchmarks.statistics.intervals import Answers, resampled_metrics
from featurestore.manifest import Utterance

CLASSES = ["ang", "sad"]


def answers(right):
    return Answers(["sad"] * len(right), np.where(right, "sad", "ang").tolist(), CLASSES)


def test_mcnemar_is_the_binomial_test_of_the_discordant():
    first, second = np.array([True] * 9 + [False] * 6), np.array([True] * 2 + [False] * 12 + [True])
    expected = binomtest(7, 8).pvalue  # 7 right by the first alone, 1 by the second alone
    assert compare.mcnemar(answers(first), answers(second)) == pytest.approx(expected)
    assert compare.mcnemar(answers(first), answers(first)) == 1.0


def test_a_clear_difference_is_found_and_equals_are_not_told_apart():
    rng = np.random.default_rng(0)
    strong, like = ([answers(rng.random(300) < 0.8)] for _ in range(2))
    weak = [answers(rng.random(300) < 0.5)]
    speakers = [f"S{number % 10}" for number in range(300)]
    pairs = compare.differences({"a": strong, "b": like, "c": weak}, clusters=speakers, metric="accuracy")
    assert compare.different(pairs) == {frozenset("ac"), frozenset("bc")}
    assert compare.groups(["a", "b", "c"], compare.different(pairs)) == {"a": "a", "b": "a", "c": "b"}
    first = pairs[1]
    assert (first.first, first.second) == ("a", "c")
    assert first.low <= first.value <= first.high
    assert first.value == pytest.approx(strong[0].values()["accuracy"] - weak[0].values()["accuracy"])


def test_the_same_head_twice_does_not_differ():
    one = [answers(np.arange(20) % 3 > 0)]
    (pair,) = compare.differences({"a": one, "b": one})
    assert (pair.value, pair.low, pair.high, pair.p, pair.mcnemar_p) == (0, 0, 0, 1, 1)
    assert compare.differences({"a": one}) == []


def test_no_spread_is_not_certainty():
    right, wrong = ([answers(np.full(4, value))] for value in (True, False))
    (pair,) = compare.differences({"a": right, "b": wrong}, metric="accuracy")
    assert (pair.value, pair.p, pair.mcnemar_p) == (1, 0.125, 0.125)


def test_pairs_count_units_of_equal_size():
    rng, speakers = np.random.default_rng(2), ["A"] * 90 + [f"S{number}" for number in range(10)]
    one, other = ([answers(rng.random(100) < 0.6)] for _ in range(2))
    (pair,) = compare.differences({"a": one, "b": other}, clusters=speakers, metric="accuracy")
    unit = bootstrap.units(100, speakers)
    first, second = (resampled_metrics(head, unit)["accuracy"] for head in (one, other))
    assert pair.p == bootstrap.p_value(pair.value, first - second, 100**2 / (90**2 + 10))


def test_holm_multiplies_the_smallest_p_by_the_number_of_pairs():
    rng = np.random.default_rng(1)
    heads = {name: [answers(rng.random(200) < share)] for name, share in (("a", 0.9), ("b", 0.6), ("c", 0.55))}
    pairs = compare.differences(heads)
    smallest = min(pairs, key=lambda pair: pair.p)
    assert smallest.p_holm == pytest.approx(min(1, 3 * smallest.p))
    assert all(pair.p_holm >= pair.p and pair.mcnemar_p_holm >= pair.mcnemar_p for pair in pairs)


def test_groups_may_overlap():
    apart = {frozenset("ad"), frozenset("ac"), frozenset("bd")}
    assert compare.groups(list("abcd"), apart) == {"a": "a", "b": "ab", "c": "bc", "d": "c"}
    assert compare.groups(list("ab"), set()) == {"a": "a", "b": "a"}


def test_clusters_are_speakers_where_two_are_known():
    rows = [Utterance(f"u{n}", speaker=f"S{n % 6}", dialogue=f"D{n % 3}") for n in range(18)]
    found = clusters.choose(rows)
    assert (found.over, found.note, found.count) == ("speakers", "", 6)
    assert (clusters.choose(rows[:2]).over, clusters.choose(rows[:2]).count) == ("speakers", 2)
    assert found.named(["u1", "u7"]) == ["S1", "S1"]


def test_an_utterance_without_a_speaker_is_a_cluster_of_its_own():
    rows = [Utterance(f"u{n}", speaker=f"S{n % 6}", dialogue="D") for n in range(6)]
    found = clusters.choose([*rows, Utterance("x"), Utterance("y")])
    assert found.over == "speakers"
    assert len({*found.named(["u0", "u1", "x", "y"])}) == 4
    assert found.note == "2 of 8 tested utterances name no speaker and are resampled one by one"
    hardly = [replace(row, speaker="", dialogue=f"D{n % 3}") for n, row in enumerate(rows)]
    assert clusters.choose([*hardly, Utterance("x", speaker="S", dialogue="D0")]).over == "dialogues"


def test_one_speaker_is_no_cluster_and_that_is_said():
    rows = [Utterance(f"u{n}", speaker="S", dialogue=f"D{n % 6}") for n in range(12)]
    said = "all tested utterances are of one speaker: the intervals do not say how figures differ between speakers"
    assert (clusters.choose(rows).over, clusters.choose(rows).note) == ("dialogues", said)
    alone = clusters.choose([replace(row, dialogue="") for row in rows])
    assert (alone.over, alone.named(["u1"]), alone.note) == ("utterances", None, said)
    assert clusters.choose([Utterance(f"u{n}") for n in range(9)]) == clusters.Clusters("utterances", {}, count=9)


@pytest.mark.parametrize("column", ["speaker", "dialogue"])
@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 10])
def test_of_fewer_than_six_it_is_said_that_nothing_can_be_shown(column, count):
    rows = [Utterance(f"u{n}", **{column: f"G{n % count}"}) for n in range(20 * count)]
    said = f"only {count} {column}s were tested, so nothing can be shown about others"
    assert clusters.choose(rows).few == (said if count < 6 else "")
    assert (clusters.choose(rows).note, clusters.choose(rows).count) == ("", count)


def test_few_speakers_are_few_however_many_others_say_little_or_are_not_named():
    rows = [Utterance(f"u{n}", speaker=f"S{n % 2}") for n in range(200)]
    unnamed = clusters.choose([*rows, *(Utterance(f"x{n}") for n in range(20))])
    assert unnamed.few == "only 2 speakers were tested, so nothing can be shown about others"
    unequal = clusters.choose([*rows, *(Utterance(f"x{n}", speaker=f"X{n}") for n in range(20))])
    assert unequal.few == (
        "the 22 speakers that were tested have so unequal numbers of utterances that they count as 2.4, so nothing can "
        "be shown about others"
    )
    assert clusters.choose([Utterance("u0"), Utterance("u1")]).few == (
        "only 2 utterances were tested, so nothing can be shown about others"
    )


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 12])
def test_two_heads_never_differ_over_fewer_than_six_speakers(count):
    n = 100 * count
    heads = {"right": [answers([True] * n)], "wrong": [answers([row % (20 + row // 100) == 0 for row in range(n)])]}
    (pair,) = compare.differences(heads, clusters=[f"S{row // 100}" for row in range(n)])
    signs = list(product((-1, 1), repeat=count))  # what all speakers agree on, under every flip of their signs
    least = sum(abs(sum(flip)) == count for flip in signs) / len(signs)
    assert (pair.p >= least) or count >= 6
    assert bool(compare.different([pair])) == (count >= 6)

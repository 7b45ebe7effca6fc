"""Bootstrap intervals against scipy, plain loops and simulated worlds with a known answer."""

import numpy as np
import pytest
from scipy.stats import binom
from scipy.stats import bootstrap as theirs_by_scipy

from benchmarks.statistics import bootstrap
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.count_metrics import metrics_from_sums
from benchmarks.statistics.intervals import (
    Interval,
    PointEstimate,
    estimate_intervals,
    estimate_metrics,
    resample_metrics,
)
from featurestore.errors import Mismatch
from tests.benchmarks.statistics.plain_metrics import METRICS, PROBABILITY_METRICS

CLASSES = np.array(["angry", "happy", "neutral", "sad"])


def world(rng, n, right=0.6):
    """Draw true classes and predictions that are right with a known probability."""
    truth = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    wrong = (truth + rng.integers(1, 4, n)) % 4
    prediction = np.where(rng.random(n) < right, truth, wrong)
    return CLASSES[truth].tolist(), CLASSES[prediction].tolist()


def test_the_value_is_the_metric_of_all_utterances():
    truth, prediction = world(np.random.default_rng(0), 200)
    for name, interval in estimate_intervals(truth, prediction).items():
        assert interval.value == METRICS[name](truth, prediction)
        assert interval.low < interval.value < interval.high
        assert interval.n == 200


@pytest.mark.parametrize("seed", range(5))
def test_metrics_from_sums_equal_plain_metrics(seed):
    truth, prediction = world(np.random.default_rng(seed), 12)
    drawn = np.random.default_rng(seed).random((12, 4))
    probabilities, classes = drawn / drawn.sum(1, keepdims=True), CLASSES.tolist()
    answers = Answers(truth, prediction, classes, probabilities)
    found = metrics_from_sums(answers.sum_by_unit(np.zeros(12, int))[0], 4)
    expected = {name: metric(truth, prediction) for name, metric in METRICS.items()}
    expected |= {name: metric(truth, probabilities, classes) for name, metric in PROBABILITY_METRICS.items()}
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected)
    assert answers.values() == pytest.approx(expected)


@pytest.mark.parametrize("name", METRICS)
def test_utterances_agree_with_scipy_and_a_plain_loop(name):
    truth, prediction = world(np.random.default_rng(1), 120)
    ours = estimate_intervals(truth, prediction, resamples=4000)[name]

    def statistic(rows):
        return METRICS[name]([truth[row] for row in rows], [prediction[row] for row in rows])

    theirs = theirs_by_scipy(
        (np.arange(120),),
        statistic,
        vectorized=False,
        n_resamples=500,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.025)


def test_clusters_agree_with_a_plain_loop():
    rng = np.random.default_rng(2)
    speakers = [f"S{number // 20:02}" for number in range(200)]
    skill = np.repeat(rng.uniform(0.3, 0.9, 10), 20)
    hits = rng.random(200) < skill
    truth, prediction = ["sad"] * 200, np.where(hits, "sad", "happy").tolist()
    ours = estimate_intervals(truth, prediction, clusters=speakers)["accuracy"]
    rates = hits.reshape(10, 20).mean(1)
    plain = [rates[rng.integers(0, 10, 10)].mean() for _ in range(4000)]
    assert (ours.low, ours.high) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])), abs=0.02)
    alone = estimate_intervals(truth, prediction)["accuracy"]
    assert ours.high - ours.low > alone.high - alone.low


def speakers_world(rng, heads=1):
    """Draw 20 speakers of 10 utterances. The accuracy on a speaker is the same for every head."""
    skill = np.repeat(rng.uniform(0.3, 0.9, 20), 10)
    return [
        Answers(["sad"] * 200, np.where(rng.random(200) < skill, "sad", "ang").tolist(), ["ang", "sad"])
        for _ in range(heads)
    ]


def test_the_interval_over_speakers_covers_the_known_answer_in_95_percent_of_1000_worlds():
    rng, speakers = np.random.default_rng(3), [f"S{number // 10:02}" for number in range(200)]
    count = 0
    for _ in range(1000):
        (answers,) = speakers_world(rng)
        found = resample_metrics([answers], bootstrap.number_units(200, speakers), 400)["accuracy"]
        low, high = bootstrap.interval_ends(0.6, found, 20, (0, 1))
        count += low <= 0.6 <= high
    assert binom.ppf(0.001, 1000, 0.945) <= count <= binom.ppf(0.999, 1000, 0.955)


def test_the_paired_test_rejects_5_percent_of_1000_worlds_where_two_heads_are_alike():
    rng, speakers = np.random.default_rng(4), [f"S{number // 10:02}" for number in range(200)]
    unit, count = bootstrap.number_units(200, speakers), 0
    for _ in range(1000):
        first, second = (resample_metrics([one], unit, 400)["accuracy"] for one in speakers_world(rng, 2))
        # the figure itself is the mean of its resamples but for the noise of resampling
        count += bootstrap.two_sided_p_value(float((first - second).mean()), first - second, 20) < 0.05
    assert binom.ppf(0.001, 1000, 0.045) <= count <= binom.ppf(0.999, 1000, 0.055)


UNEQUAL = np.r_[np.full(6, 150), np.full(40, 3)]  # as in MELD: a few main characters, many with few utterances


def unequal_world(rng, sizes, heads=1):
    """Draw speakers of unequal size, four classes, and heads with a recall of 60 % of each class over all speakers."""
    speaker = np.repeat(np.arange(len(sizes)), sizes)
    truth = rng.choice(4, len(speaker), p=[0.4, 0.3, 0.2, 0.1])
    wrong = (truth + rng.integers(1, 4, len(truth))) % 4
    right = [rng.random(len(truth)) < rng.uniform(0.3, 0.9, len(sizes))[speaker] for _ in range(heads)]
    names = CLASSES.tolist()
    return speaker, [
        Answers(CLASSES[truth].tolist(), CLASSES[np.where(one, truth, wrong)].tolist(), names) for one in right
    ]


@pytest.mark.parametrize(
    ("sizes", "tolerance"), [(UNEQUAL, 0.01), (np.full(4, 120), 0.02), (np.full(3, 120), 0.02)], ids=["meld", "4", "3"]
)
def test_intervals_and_tests_keep_their_level_with_few_and_unequal_speakers(sizes, tolerance):
    rng, covered, rejected = np.random.default_rng(6), 0, 0
    for _ in range(500):
        speaker, both = unequal_world(rng, sizes, 2)
        unit, count = bootstrap.number_units(len(speaker), speaker), bootstrap.effective_count(speaker)
        first, second = (resample_metrics([one], unit, 400)["unweighted_average_recall"] for one in both)
        one, other = (answers.values()["unweighted_average_recall"] for answers in both)
        low, high = bootstrap.interval_ends(one, first, count, (0, 1))
        covered += low <= 0.6 <= high
        rejected += bootstrap.two_sided_p_value(one - other, first - second, count) < 0.05
    assert binom.ppf(0.001, 500, 0.95 - tolerance) <= covered <= binom.ppf(0.999, 500, 0.95 + tolerance)
    assert binom.ppf(0.001, 500, 0.05 - tolerance) <= rejected <= binom.ppf(0.999, 500, 0.05 + tolerance)


def test_intervals_over_few_units_are_students_and_stay_within_the_metric():
    values = np.random.default_rng(0).normal(scale=0.1, size=20_000)
    low, high = bootstrap.interval_ends(0.5, values, 3, (0, 9))
    half = 4.3027 * values.std() * 1.5**0.5  # t(0.975, 2 degrees) x sqrt(3 / 2)
    assert (low, high) == (0, pytest.approx(0.5 + half, rel=1e-4))
    assert bootstrap.interval_ends(0.5, np.full(9, 0.5), 1, (0, 1)) == (0, 1)  # one unit says nothing of others
    assert [bootstrap.interval_method(count) for count in (4.9, 5)] == [bootstrap.METHOD_OF_FEW, bootstrap.METHOD]
    found = estimate_intervals(["sad"] * 6, ["sad"] * 3 + ["ang"] * 3, clusters=list("AAABBB"))["accuracy"]
    assert (found.low, found.high) == (0, 1)


def test_intervals_use_the_effective_cluster_count():
    speaker, (answers,) = unequal_world(np.random.default_rng(7), UNEQUAL)
    found = estimate_metrics([answers], clusters=[f"S{name:02}" for name in speaker])["accuracy"]
    spread = resample_metrics([answers], speaker)["accuracy"]
    assert bootstrap.effective_count(speaker) == pytest.approx(7.69, abs=0.01)
    assert (found.low, found.high) == bootstrap.interval_ends(
        found.value, spread, bootstrap.effective_count(speaker), (0, 1)
    )
    assert bootstrap.effective_count(np.arange(200) // 10) == 20


def test_intervals_over_ten_units_are_wider_than_percentiles():
    values = np.random.default_rng(0).normal(size=20_000)
    low, high = bootstrap.interval_ends(0, values, 10, (-9, 9))
    assert (low, high) == pytest.approx((-2.384, 2.384), abs=0.1)  # t(0.975, 9 degrees) x sqrt(10 / 9)
    assert bootstrap.interval_ends(0, values, 5000, (-9, 9)) == pytest.approx((-1.96, 1.96), abs=0.05)


def test_seeds_are_averaged_over_the_same_units():
    rng = np.random.default_rng(5)
    first, second = (Answers(*world(rng, 100), CLASSES.tolist()) for _ in range(2))
    second = Answers(first.truth, second.prediction, second.classes)
    both = estimate_metrics([first, second])["accuracy"]
    assert both.value == pytest.approx((first.values()["accuracy"] + second.values()["accuracy"]) / 2)
    assert estimate_metrics([first, first]) == estimate_metrics([first])


def test_the_expected_calibration_error_is_a_point_estimate():
    truth, prediction = world(np.random.default_rng(0), 90)
    answers = Answers(truth, prediction, CLASSES.tolist(), np.full((90, 4), 0.25))
    found = estimate_metrics([answers])
    bare = found.pop("expected_calibration_error")
    assert bare == PointEstimate(answers.values()["expected_calibration_error"], 90)
    assert all(isinstance(one, Interval) for one in found.values())


def test_the_seed_decides_the_interval():
    truth, prediction = world(np.random.default_rng(4), 50)
    assert estimate_intervals(truth, prediction, seed=1) == estimate_intervals(truth, prediction, seed=1)
    assert estimate_intervals(truth, prediction, seed=1) != estimate_intervals(truth, prediction, seed=2)


def test_an_accuracy_of_1_has_an_interval_of_width_0():
    assert estimate_intervals(["sad"] * 9, ["sad"] * 9)["macro_f1"] == Interval(1.0, 1.0, 1.0, 9)


def test_too_few_clusters_are_refused():
    with pytest.raises(Mismatch) as caught:
        estimate_intervals(["sad", "sad"], ["sad", "sad"], clusters=["A", "A"])
    assert str(caught.value) == "an interval over clusters needs at least two\n  got: A\n  do: resample utterances"
    with pytest.raises(Mismatch) as caught:
        estimate_intervals(["sad", "sad"], ["sad", "sad"], clusters=["A"])
    assert str(caught.value) == "every utterance needs a cluster\n  expected: 2 clusters\n  got: 1"

import numpy as np
import pytest
from scipy.stats import binom, bootstrap

from benchmarks import stats
from benchmarks.metrics import METRICS
from featurestore.errors import Mismatch

CLASSES = np.array(["angry", "happy", "neutral", "sad"])


def world(rng, n, right=0.6):
    """True classes and predictions that are right with a known probability."""
    truth = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    wrong = (truth + rng.integers(1, 4, n)) % 4
    prediction = np.where(rng.random(n) < right, truth, wrong)
    return CLASSES[truth].tolist(), CLASSES[prediction].tolist()


def test_the_value_is_the_metric_itself():
    truth, prediction = world(np.random.default_rng(0), 200)
    for name, interval in stats.intervals(truth, prediction).items():
        assert interval.value == METRICS[name](truth, prediction)
        assert interval.low < interval.value < interval.high
        assert interval.n == 200


@pytest.mark.parametrize("seed", range(5))
def test_the_counted_metrics_are_the_metrics(seed):
    truth, prediction = world(np.random.default_rng(seed), 12)
    table = stats._tables(truth, prediction, None).sum(0)
    for name, metric in stats.FROM_COUNTS.items():
        assert metric(table) == pytest.approx(METRICS[name](truth, prediction))


@pytest.mark.parametrize("name", METRICS)
def test_utterances_agree_with_scipy_and_a_plain_loop(name):
    truth, prediction = world(np.random.default_rng(1), 120)
    ours = stats.intervals(truth, prediction, resamples=4000)[name]

    def statistic(rows):
        return METRICS[name]([truth[row] for row in rows], [prediction[row] for row in rows])

    theirs = bootstrap(
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
    ours = stats.intervals(truth, prediction, clusters=speakers)["accuracy"]
    rates = hits.reshape(10, 20).mean(1)
    plain = [rates[rng.integers(0, 10, 10)].mean() for _ in range(4000)]
    assert (ours.low, ours.high) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])), abs=0.02)
    alone = stats.intervals(truth, prediction)["accuracy"]
    assert ours.high - ours.low > alone.high - alone.low


def test_the_intervals_cover_the_known_answer_in_95_percent_of_worlds():
    rng = np.random.default_rng(3)
    worlds = [stats.intervals(*world(rng, 300), resamples=300) for _ in range(400)]
    for name in ("accuracy", "unweighted_average_recall"):  # both are 0.6 in every world
        covered = sum(found[name].low <= 0.6 <= found[name].high for found in worlds)
        # a true coverage of 92 to 95 % (percentile intervals run a little narrow) stays within these bounds
        assert binom.ppf(0.005, 400, 0.92) <= covered <= binom.ppf(0.995, 400, 0.95)


def test_the_seed_decides():
    truth, prediction = world(np.random.default_rng(4), 50)
    assert stats.intervals(truth, prediction, seed=1) == stats.intervals(truth, prediction, seed=1)
    assert stats.intervals(truth, prediction, seed=1) != stats.intervals(truth, prediction, seed=2)


def test_all_right_is_a_point():
    assert stats.intervals(["sad"] * 9, ["sad"] * 9)["macro_f1"] == stats.Interval(1.0, 1.0, 1.0, 9)


def test_too_few_clusters_are_refused():
    with pytest.raises(Mismatch) as caught:
        stats.intervals(["sad", "sad"], ["sad", "sad"], clusters=["A", "A"])
    assert str(caught.value) == "an interval over clusters needs at least two\n  got: A\n  do: resample utterances"
    with pytest.raises(Mismatch) as caught:
        stats.intervals(["sad", "sad"], ["sad", "sad"], clusters=["A"])
    assert str(caught.value) == "every utterance needs a cluster\n  expected: 2 clusters\n  got: 1"

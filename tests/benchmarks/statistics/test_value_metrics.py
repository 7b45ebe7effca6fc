"""Metrics of values equal their formulas, at the limits too, in every resample, and refuse what cannot be measured."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.statistics import bootstrap
from benchmarks.statistics.intervals import estimate_metrics
from benchmarks.statistics.paired_comparisons import compare_pairs
from benchmarks.statistics.value_answers import ValueAnswers, score_values
from benchmarks.statistics.value_metrics import MEAN_CONCORDANCE, check_value_metric, list_headline_metrics
from featurestore.errors import UnknownName
from tests.benchmarks.statistics.plain_value_metrics import PLAIN

TARGETS = ("valence", "activation")
RNG = np.random.default_rng(0)
TRUTH = RNG.normal(3, 1, size=(300, 2))
NOISY = TRUTH + RNG.normal(0, 0.5, size=(300, 2))

halves = st.integers(2, 10).map(lambda value: value / 2)  # the mean of two ratings of 1 to 5
rows = st.lists(st.tuples(halves, halves, halves, halves), min_size=1, max_size=30)


def measure(truth, prediction):
    """Measure one target."""
    columns = (np.array(values, float)[:, None] for values in (truth, prediction))
    found = ValueAnswers(*columns, ("valence",)).values()
    return {name.removeprefix("valence_"): value for name, value in found.items()}


@given(rows)
def test_metrics_equal_their_formulas(drawn):
    values = np.array(drawn)
    found = ValueAnswers(values[:, :2], values[:, 2:], TARGETS).values()
    for place, target in enumerate(TARGETS):
        for name, plain in PLAIN.items():
            truth, prediction = values[:, place].tolist(), values[:, 2 + place].tolist()
            assert found[f"{target}_{name}"] == pytest.approx(plain(truth, prediction), abs=1e-9)
    both = [found[f"{target}_concordance_correlation"] for target in TARGETS]
    assert found["mean_concordance_correlation"] == pytest.approx(np.mean(both))


@given(st.lists(st.tuples(halves, halves), min_size=2, max_size=20), st.floats(0.1, 100), st.floats(-1e4, 1e4))
def test_another_scale_of_both_changes_no_correlation(drawn, scale, shift):
    truth, prediction = np.array(drawn).T
    found, moved = measure(truth, prediction), measure(scale * truth + shift, scale * prediction + shift)
    for name in ("concordance_correlation", "pearson_correlation"):
        assert moved[name] == pytest.approx(found[name], abs=1e-4)


def test_perfect_predictions_reach_exactly_one():
    found = measure(TRUTH[:, 0] + 1e6, TRUTH[:, 0] + 1e6)
    assert (found["concordance_correlation"], found["root_mean_square_error"]) == (1.0, 0.0)
    assert found["pearson_correlation"] == pytest.approx(1.0)


@pytest.mark.parametrize("constant", [0.1, 3.3, 1e9 / 7])
def test_constant_predictions_reach_exactly_zero(constant):
    found = measure(TRUTH[:, 0], np.full(300, constant))
    assert (found["concordance_correlation"], found["pearson_correlation"]) == (0.0, 0.0)


@pytest.mark.parametrize("difference", [0.0, 1.0])
def test_truth_and_predictions_that_are_both_constant_reach_zero(difference):
    found = measure(np.full(5, 0.3), np.full(5, 0.3 + difference))
    assert (found["concordance_correlation"], found["pearson_correlation"]) == (0.0, 0.0)
    assert found["root_mean_square_error"] == pytest.approx(difference)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.7), (0.5, 0.0), (2.0, -1.0)])
def test_scale_and_shift_of_the_predictions_lower_it_as_the_formula_says(scale, shift):
    truth = TRUTH[:, 0] - TRUTH[:, 0].mean()
    found, variance = measure(truth, scale * truth + shift), truth.var()
    assert found["concordance_correlation"] == pytest.approx(
        2 * scale * variance / (variance + scale**2 * variance + shift**2)
    )
    assert found["pearson_correlation"] == pytest.approx(1.0)


def test_opposite_predictions_are_below_zero():
    assert measure([1, 2, 3], [3, 2, 1])["concordance_correlation"] == pytest.approx(-1.0)


def test_every_resample_of_speakers_is_that_of_its_utterances():
    speaker = RNG.integers(0, 7, 300)
    resampled = ValueAnswers(TRUTH, NOISY, TARGETS).resample(speaker, 20, seed=3)
    times = bootstrap.draw_units(7, 20, 3)
    for draw in range(20):
        chosen = np.concatenate([np.flatnonzero(speaker == one) for one in range(7) for _ in range(times[draw, one])])
        plain = ValueAnswers(TRUTH[chosen], NOISY[chosen], TARGETS).values()
        assert {name: values[draw] for name, values in resampled.items()} == pytest.approx(plain)


def test_intervals_lie_around_the_value_and_within_the_limits():
    speakers = [f"S{number % 12}" for number in range(300)]
    found = estimate_metrics([ValueAnswers(TRUTH, NOISY, TARGETS)], clusters=speakers)
    for one in found.values():
        assert one.low < one.value < one.high
        assert one.n == 300
    few = estimate_metrics([ValueAnswers(TRUTH, NOISY, TARGETS)], clusters=[f"S{number % 2}" for number in range(300)])
    assert few[MEAN_CONCORDANCE].high <= 1.0
    assert few["valence_root_mean_square_error"].low >= 0.0
    assert few["valence_root_mean_square_error"].high > few["valence_root_mean_square_error"].value


def test_pairs_are_compared_on_the_same_resamples_and_without_mcnemar():
    answers = {
        "good": [ValueAnswers(TRUTH, NOISY, TARGETS)],
        "same": [ValueAnswers(TRUTH, NOISY, TARGETS)],
        "mean": [ValueAnswers(TRUTH, np.tile(TRUTH.mean(0), (300, 1)), TARGETS)],
    }
    pairs = compare_pairs(answers, clusters=[f"S{number % 12}" for number in range(300)], metric=MEAN_CONCORDANCE)
    (same, better, _) = pairs
    assert (same.value, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)
    assert better.low > 0.5
    assert better.p_holm < 0.001
    assert {pair.mcnemar_p for pair in pairs} == {pair.mcnemar_p_holm for pair in pairs} == {None}


@pytest.mark.parametrize("prediction", [NOISY[:5], NOISY[:, :1], np.full((300, 2), math.nan)])
def test_what_cannot_be_measured_is_refused(prediction):
    with pytest.raises(ValueError, match="nothing to measure|finite"):
        ValueAnswers(TRUTH, prediction, TARGETS)
    with pytest.raises(ValueError, match="nothing to measure"):
        score_values(TRUTH[:0], NOISY[:0], MEAN_CONCORDANCE, TARGETS)


def test_systems_are_ranked_by_what_is_higher_for_better_predictions():
    for metric in list_headline_metrics(TARGETS):
        check_value_metric(metric, TARGETS)
        assert score_values(TRUTH, NOISY, metric, TARGETS) > score_values(TRUTH, NOISY[::-1], metric, TARGETS)
    for metric in ("accuracy", "dominance_concordance_correlation", "valence_root_mean_square_error"):
        with pytest.raises(UnknownName, match=f"unknown metric '{metric}' to rank predicted values by"):
            check_value_metric(metric, TARGETS)

"""Test whether two heads differ, by paired tests on the same utterances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from benchmarks.statistics import bootstrap
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.bootstrap import RESAMPLES
from benchmarks.statistics.intervals import resample_metrics
from benchmarks.statistics.measured import MeasuredAnswers
from benchmarks.statistics.metrics import METRIC
from benchmarks.statistics.multiple_comparisons import correct_holm

LEVEL = 0.05  # a difference is significant where its corrected p-value is below this
_EXACT = 25  # below this number of discordant utterances, McNemar's test is exact


@dataclass(frozen=True)
class PairedDifference:
    """The difference between two heads on the same utterances.

    Args:
        first: name of a head.
        second: name of the other head.
        value: the metric of the first minus that of the second, the mean over seeds.
        low: lower end of its 95 % interval.
        high: upper end.
        p: p-value of no difference, by the paired bootstrap over clusters; with few clusters at least the smallest
            p-value of a sign test (`bootstrap.is_few`).
        mcnemar_p: p-value of equal accuracy, by McNemar's test on the first seed; None where values are predicted.
        p_holm: `p`, corrected for the number of comparisons.
        mcnemar_p_holm: `mcnemar_p`, corrected likewise.
    """

    first: str
    second: str
    value: float
    low: float
    high: float
    p: float
    mcnemar_p: float | None
    p_holm: float = 1.0
    mcnemar_p_holm: float | None = None


def compare_pairs(
    answers: Mapping[str, Sequence[MeasuredAnswers]],
    *,
    clusters: Sequence[str] | None = None,
    metric: str = METRIC,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[PairedDifference]:
    """Compare every pair of heads, with p-values corrected for the number of pairs.

    The interval and `p` resample clusters, the same for both heads. McNemar's test (McNemar 1947; exact below 25
    discordant utterances) treats utterances as independent, so its p-value is too small where speakers differ. It is
    reported because readers know it; letters rest on the bootstrap. With an effective cluster count below six no
    difference is significant (`benchmarks.statistics.bootstrap.is_few`).

    Args:
        answers: by head, of each seed, on the same utterances in the same order.
        clusters: (N,) for example the speaker of each utterance.
        metric: name of the metric.
        resamples: how often to resample.
        seed: of the resampling.
    """
    if len(answers) < 2:
        return []
    n = len(next(iter(answers.values()))[0].truth)
    unit = bootstrap.number_units(n, clusters)
    spread = {name: resample_metrics(found, unit, resamples, seed)[metric] for name, found in answers.items()}
    value = {name: float(np.mean([one.values()[metric] for one in found])) for name, found in answers.items()}
    count = bootstrap.effective_count(unit)
    least = bootstrap.smallest_p_value(count) if bootstrap.is_few(count) else 0.0
    pairs = []
    least_value, greatest = next(iter(answers.values()))[0].limits(metric)
    widest = greatest - least_value
    for first, second in combinations(answers, 2):
        difference, resampled = value[first] - value[second], spread[first] - spread[second]
        ends = bootstrap.interval_ends(difference, resampled, count, (-widest, widest))
        p = max(bootstrap.two_sided_p_value(difference, resampled, count), least)
        mcnemar_p = _compare_accuracies(answers[first][0], answers[second][0])
        pairs.append(PairedDifference(first, second, difference, *ends, p, mcnemar_p))
    return _correct(pairs)


def _compare_accuracies(first: MeasuredAnswers, second: MeasuredAnswers) -> float | None:
    """Return McNemar's p-value of predicted classes, or None of values, which are not right or wrong."""
    if isinstance(first, Answers) and isinstance(second, Answers):
        return mcnemar_p_value(first, second)
    return None


def mcnemar_p_value(first: Answers, second: Answers) -> float:
    """Return the p-value of McNemar's test that two heads have the same accuracy, or 1 where they never disagree."""
    from statsmodels.stats.contingency_tables import mcnemar

    right = [one.find_right() for one in (first, second)]
    table = [[int(np.sum(a & b)) for b in (right[1], ~right[1])] for a in (right[0], ~right[0])]
    discordant = table[0][1] + table[1][0]
    return float(mcnemar(table, exact=discordant < _EXACT).pvalue) if discordant else 1.0


def significant_pairs(pairs: Sequence[PairedDifference]) -> set[frozenset[str]]:
    """Return the pairs that differ significantly: at 5 % after Holm's correction, by the paired bootstrap."""
    return {frozenset((pair.first, pair.second)) for pair in pairs if pair.p_holm < LEVEL}


def _correct(pairs: Sequence[PairedDifference]) -> list[PairedDifference]:
    bootstrapped = correct_holm([pair.p for pair in pairs])
    counts = [pair.mcnemar_p for pair in pairs if pair.mcnemar_p is not None]
    counted = correct_holm(counts) if counts else [None] * len(pairs)
    return [
        replace(pair, p_holm=one, mcnemar_p_holm=other)
        for pair, one, other in zip(pairs, bootstrapped, counted, strict=True)
    ]

"""Whether two heads differ: paired tests on the same utterances, corrected for their number, and groups of equals."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from benchmarks.statistics import bootstrap
from benchmarks.statistics.bootstrap import RESAMPLES
from benchmarks.statistics.intervals import Answers, resampled_metrics
from benchmarks.statistics.metrics import greatest

LEVEL = 0.05  # below it, after Holm's correction, two heads differ
METRIC = "unweighted_average_recall"
_EXACT = 25  # below so many utterances that only one head gets right, the exact test


@dataclass(frozen=True)
class Difference:
    """Two heads on the same utterances.

    Args:
        first: a name; `second` the other.
        value: the metric of the first minus that of the second, the mean over seeds.
        low: lower end of its 95 % interval; `high` the upper.
        p: of no difference, by the paired clustered bootstrap; of few clusters at least what a test of their signs can
            reach (`bootstrap.is_few`); `p_holm` corrected.
        mcnemar_p: of equally many right answers, by McNemar's test on the first seed; `mcnemar_p_holm` corrected.
    """

    first: str
    second: str
    value: float
    low: float
    high: float
    p: float
    mcnemar_p: float
    p_holm: float = 1.0
    mcnemar_p_holm: float = 1.0


def differences(
    answers: Mapping[str, Sequence[Answers]],
    *,
    clusters: Sequence[str] | None = None,
    metric: str = METRIC,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Difference]:
    """Every pair of heads, each corrected by Holm's method (Holm 1979, "A Simple Sequentially Rejective Multiple Test
    Procedure") for the number of pairs.

    The interval and `p` resample clusters, the same for both heads. McNemar's test (McNemar 1947; its exact form below
    25 discordant utterances) takes utterances for independent, so its p is too small where speakers differ; it is
    there because readers know it, and groups rest on the bootstrap. Over fewer than six clusters no two heads differ:
    `benchmarks.statistics.bootstrap.is_few` says why.

    Args:
        answers: by head, of each seed, on the same utterances in the same order.
        clusters: (N,) for example the speaker of each utterance.
        metric: whose difference.
        resamples: how often to resample.
        seed: of the resampling.
    """
    if len(answers) < 2:
        return []
    n = len(next(iter(answers.values()))[0].truth)
    unit = bootstrap.units(n, clusters)
    spread = {name: resampled_metrics(found, unit, resamples, seed)[metric] for name, found in answers.items()}
    value = {name: float(np.mean([one.values()[metric] for one in found])) for name, found in answers.items()}
    count = bootstrap.effective(unit)
    few = bootstrap.is_few(count)
    pairs, most = [], greatest(metric)
    for first, second in combinations(answers, 2):
        apart, resampled = value[first] - value[second], spread[first] - spread[second]
        ends = bootstrap.ends(apart, resampled, count, (-most, most))
        p = max(bootstrap.p_value(apart, resampled, count), bootstrap.least_p(count) if few else 0.0)
        pairs.append(Difference(first, second, apart, *ends, p, mcnemar(answers[first][0], answers[second][0])))
    return _corrected(pairs)


def mcnemar(first: Answers, second: Answers) -> float:
    """The p-value of McNemar's test that two heads get equally many utterances right; 1 where they never differ."""
    from statsmodels.stats.contingency_tables import mcnemar as test

    right = [np.array(one.truth) == np.array(one.prediction) for one in (first, second)]
    table = [[int(np.sum(a & b)) for b in (right[1], ~right[1])] for a in (right[0], ~right[0])]
    discordant = table[0][1] + table[1][0]
    return float(test(table, exact=discordant < _EXACT).pvalue) if discordant else 1.0


def different(pairs: Sequence[Difference]) -> set[frozenset[str]]:
    """The pairs that differ at 5 % after Holm's correction, by the paired clustered bootstrap."""
    return {frozenset((pair.first, pair.second)) for pair in pairs if pair.p_holm < LEVEL}


def groups(names: Sequence[str], apart: AbstractSet[frozenset[str]]) -> dict[str, str]:
    """Letters: two heads that share one cannot be told apart; two that share none can (Piepho 2004, "An Algorithm for
    a Letter-Based Representation of All-Pairwise Comparisons").

    Args:
        names: best first; the first group to hold the best is `a`.
        apart: the pairs that differ.

    >>> groups(["mlp", "svm", "prior"], {frozenset(["mlp", "prior"]), frozenset(["svm", "prior"])})
    {'mlp': 'a', 'svm': 'a', 'prior': 'b'}
    """
    found = [set(names)]
    for pair in sorted(map(sorted, apart)):
        split = [group - {name} for group in found if group >= set(pair) for name in pair]
        kept = [group for group in found if not group >= set(pair)] + split
        found = [group for group in kept if not any(group < other for other in kept)]
        found = [group for place, group in enumerate(found) if group not in found[:place]]
    found.sort(key=lambda group: [names.index(name) for name in sorted(group, key=names.index)])
    return {name: "".join(_letter(place) for place, group in enumerate(found) if name in group) for name in names}


def _corrected(pairs: Sequence[Difference]) -> list[Difference]:
    from statsmodels.stats.multitest import multipletests

    bootstrapped = multipletests([pair.p for pair in pairs], method="holm")[1]
    counted = multipletests([pair.mcnemar_p for pair in pairs], method="holm")[1]
    return [
        replace(pair, p_holm=float(one), mcnemar_p_holm=float(other))
        for pair, one, other in zip(pairs, bootstrapped, counted, strict=True)
    ]


def _letter(place: int) -> str:
    return chr(ord("a") + place) if place < 26 else f"({place + 1})"

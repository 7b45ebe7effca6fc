"""Score probabilities against the distribution of raters' votes, with intervals; metrics go by their full names."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics import bootstrap
from benchmarks.statistics.bootstrap import RESAMPLES, Values
from benchmarks.statistics.count_metrics import divide
from benchmarks.statistics.intervals import Interval
from benchmarks.statistics.metrics import SMALLEST, Probabilities, upper_limit

VOTE_METRICS = ("soft_macro_f1", "rater_agreement", "soft_log_loss", "kl_divergence", "soft_brier_score")
LOWER_IS_BETTER = frozenset({"soft_log_loss", "kl_divergence", "soft_brier_score"})
_NOISE = 1e-6  # of probabilities that were written with nine digits: 1 / C itself is not above 1 / C


@dataclass(frozen=True)
class VoteScores:
    """What is scored against the votes on some utterances: the probabilities of a head, or a rater's own vote.

    Args:
        shares: of the votes, for each class (M, C); rows sum to 1.
        probabilities: (M, C).
        weights: of the rows (M,).
    """

    shares: Values
    probabilities: Probabilities
    weights: Values

    def values(self) -> dict[str, float]:
        """Return every metric by name."""
        (sums,) = self.sum_by_unit(np.zeros(len(self.weights), np.intp))
        return {name: float(value) for name, value in metrics_from_vote_sums(sums).items()}

    def resample(self, unit: NDArray[np.intp], resamples: int, seed: int) -> dict[str, Values]:
        """Return every metric in each resample (R,) of units.

        Args:
            unit: (M,) number of each row's unit.
            resamples: how often to resample.
            seed: of the resampling.
        """
        key = (hashlib.sha256(unit.tobytes()).digest(), resamples, seed)
        if key not in self._resamples:
            sums = bootstrap.resample_sums(self.sum_by_unit(bootstrap.group_units(unit, seed)), resamples, seed)
            self._resamples[key] = metrics_from_vote_sums(sums)
        return self._resamples[key]

    def sum_by_unit(self, unit: NDArray[np.intp]) -> Values:
        """Sum what the metrics are made of by unit: (U, 5 + 3 C).

        Args:
            unit: (M,) number of each row's unit.
        """
        columns = self._list_columns() * self.weights[:, None]
        total = np.zeros((int(unit.max()) + 1, columns.shape[1]))
        np.add.at(total, unit, columns)
        return total

    def _list_columns(self) -> Values:
        """Compute for each row 1, its losses, its agreement, and true and false positives and misses of each class."""
        shares, found = self.shares, np.asarray(self.probabilities, np.float64)
        losses = -shares * np.log(np.maximum(found, SMALLEST))
        entropies = -shares * np.log(np.maximum(shares, SMALLEST))
        best = found == found.max(axis=1, keepdims=True)  # several classes of a rater's split vote
        agreement = (shares * best).sum(axis=1) / best.sum(axis=1)
        true, answered = mark_classes(shares), mark_classes(found)
        scores = [
            np.ones(len(shares)),
            losses.sum(axis=1),
            (losses - entropies).sum(axis=1),
            ((found - shares) ** 2).sum(axis=1),
            agreement,
        ]
        return np.column_stack([*scores, true & answered, ~true & answered, true & ~answered])

    @cached_property
    def _resamples(self) -> dict[tuple[bytes, int, int], dict[str, Values]]:
        return {}


@dataclass(frozen=True)
class VoteDifference:
    """A metric of one head minus that of another on the same utterances, with its paired interval and p-value."""

    value: float
    low: float
    high: float
    p: float


def mark_classes(shares: Probabilities) -> NDArray[np.bool_]:
    """Tell for each class (M, C) whether its share is above 1 / C.

    >>> mark_classes(np.array([[0.5, 0.4, 0.1], [1 / 3, 1 / 3, 1 / 3]])).tolist()
    [[True, True, False], [False, False, False]]
    """
    return np.asarray(shares > 1 / shares.shape[1] + _NOISE)


def metrics_from_vote_sums(sums: Values) -> dict[str, Values]:
    """Return every metric by name.

    - `soft_macro_f1`: votes and probabilities become sets of classes, those whose share is above 1 / C; the mean over
      all C classes of 2 TP / (2 TP + FP + FN), 0 where the denominator is 0, in 0..1. EMO-SUPERB's metric (Wu et al.
      2024, "EMO-SUPERB: An In-depth Look at Speech Emotion Recognition"; `expert.py` of its code, which averages over
      batches: here it is computed once, over all utterances).
    - `rater_agreement`: the mean share of raters who chose the most probable class, in 0..1; of equally probable
      classes their mean.
    - `soft_log_loss`: the mean of -sum p ln q over the shares p and the probabilities q, in nats. A probability below
      2.2e-16 counts as 2.2e-16.
    - `kl_divergence`: the mean of sum p ln(p / q) (Kullback and Leibler 1951, "On Information and Sufficiency"), in
      nats: the soft log loss minus the votes' own entropy.
    - `soft_brier_score`: the mean of sum (q - p)^2, in 0..2 (Brier 1950, with the shares in place of the outcome).

    Args:
        sums: (..., 5 + 3 C) sums of the rows of `VoteScores`.
    """
    n, loss, divergence, error, agreement = (sums[..., column] for column in range(5))
    right, extra, missed = np.split(sums[..., 5:], 3, axis=-1)
    f1 = divide(2 * right, 2 * right + extra + missed).mean(axis=-1)
    found = (f1, *(divide(total, n) for total in (agreement, loss, divergence, error)))
    return dict(zip(VOTE_METRICS, found, strict=True))


def estimate_vote_metrics(
    scores: Sequence[VoteScores], clusters: Sequence[str] | None, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Interval]:
    """Return every metric with its 95 % interval, the mean over several scores of the same rows.

    Args:
        scores: of each seed of one head.
        clusters: (M,) the cluster of each row, which must name the utterance where single ones are resampled and rows
            are raters; None for the row itself.
        resamples: how often to resample.
        seed: of the resampling.

    Raises:
        Mismatch: the number of clusters is not M, or there is only one cluster.
    """
    n = round(float(scores[0].weights.sum()))
    value, spread, count = _measure(scores, clusters, resamples, seed)
    return {
        name: Interval(one, *bootstrap.interval_ends(one, spread[name], count, (0.0, upper_limit(name))), n=n)
        for name, one in value.items()
    }


def compare_vote_metrics(
    first: Sequence[VoteScores],
    second: Sequence[VoteScores],
    clusters: Sequence[str] | None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, VoteDifference]:
    """Compare two heads on the same utterances, first minus second, by the paired bootstrap.

    Args:
        first: scores of each seed.
        second: the same of the other head.
        clusters: (M,) as in `estimate_vote_metrics`.
        resamples: how often to resample.
        seed: of the resampling.
    """
    value, spread, count = _measure(first, clusters, resamples, seed)
    other, other_spread, _ = _measure(second, clusters, resamples, seed)
    least = bootstrap.smallest_p_value(count) if bootstrap.is_few(count) else 0.0
    found = {}
    for name in VOTE_METRICS:
        difference, drawn, limit = value[name] - other[name], spread[name] - other_spread[name], upper_limit(name)
        ends = bootstrap.interval_ends(difference, drawn, count, (-limit, limit))
        p = max(bootstrap.two_sided_p_value(difference, drawn, count), least)
        found[name] = VoteDifference(difference, *ends, p)
    return found


def _measure(
    scores: Sequence[VoteScores], clusters: Sequence[str] | None, resamples: int, seed: int
) -> tuple[Mapping[str, float], Mapping[str, Values], float]:
    """Return every metric, its resamples (R,), both means over the scores, and the effective cluster count."""
    unit = bootstrap.number_units(len(scores[0].weights), clusters)
    values, drawn = [one.values() for one in scores], [one.resample(unit, resamples, seed) for one in scores]
    mean = {name: float(np.mean([one[name] for one in values])) for name in VOTE_METRICS}
    spread = {name: np.asarray(np.mean([one[name] for one in drawn], axis=0)) for name in VOTE_METRICS}
    return mean, spread, bootstrap.effective_count(unit)

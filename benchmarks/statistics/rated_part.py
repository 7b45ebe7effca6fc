"""Measure heads against the votes on a test part, beside what raters and the votes themselves reach."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.clusters import Clusters, choose_clusters
from benchmarks.statistics.intervals import Interval
from benchmarks.statistics.metrics import Probabilities, align_columns
from benchmarks.statistics.rater_votes import Choices, RaterVotes
from benchmarks.statistics.vote_metrics import (
    VoteDifference,
    VoteScores,
    compare_vote_metrics,
    estimate_vote_metrics,
)
from featurestore.manifest import Utterance, keep_ids

# a single vote gives probability 0 to the other classes, so that these are of no use for a rater
_NOT_OF_RATERS = frozenset({"soft_log_loss", "kl_divergence"})


@dataclass(frozen=True)
class RatedPart:
    """The utterances of a test part that have votes.

    Args:
        ids: in order (M,).
        rows: the place of each among all utterances of the test part (M,).
        classes: sorted (C,).
        votes: on these utterances.
        clusters: that intervals resample.
        without: number of test utterances without a vote for a class.
    """

    ids: tuple[str, ...]
    rows: NDArray[np.intp]
    classes: tuple[str, ...]
    votes: RaterVotes
    clusters: Clusters
    without: int

    @property
    def raters(self) -> float:
        """Mean number of raters of an utterance."""
        return float(self.votes.raters.mean())

    def score(self, probabilities: Probabilities, classes: Sequence[str]) -> VoteScores:
        """Score the probabilities of a head on the whole test part (N, K), in the order of its own classes (K,)."""
        rated = np.asarray(probabilities)[self.rows]
        return self.votes.score(align_columns(rated, classes, self.classes))

    def measure(self, scores: Sequence[VoteScores]) -> dict[str, Interval]:
        """Return every metric with its interval, the mean over the seeds of a head."""
        return estimate_vote_metrics(scores, self.clusters.for_ids(self.ids))

    def compare(self, first: Sequence[VoteScores], second: Sequence[VoteScores]) -> dict[str, VoteDifference]:
        """Return the paired difference of two heads in every metric, first minus second."""
        return compare_vote_metrics(first, second, self.clusters.for_ids(self.ids))

    def measure_votes(self) -> dict[str, Interval]:
        """Return every metric of the votes themselves, the best that a head could reach.

        Their soft log loss is their entropy, and their agreement the mean share of the most voted class.
        """
        return self.measure([self.votes.score(self.votes.shares)])

    def measure_raters(self) -> dict[str, Interval]:
        """Return the metrics of each rater's vote against the others'.

        There are none where fewer than two utterances have several raters.
        """
        if (self.votes.raters > 1).sum() < 2:
            return {}
        scores, utterance = self.votes.score_raters()
        clusters = [(self.clusters.for_ids(self.ids) or self.ids)[place] for place in utterance]
        if len(set(clusters)) < 2:  # only one speaker's utterances have several raters
            clusters = [self.ids[place] for place in utterance]
        found = estimate_vote_metrics([scores], clusters)
        return {name: one for name, one in found.items() if name not in _NOT_OF_RATERS}


def select_rated(
    ids: Sequence[str], choices: Mapping[str, Choices], classes: Collection[str], utterances: Sequence[Utterance]
) -> RatedPart | None:
    """Select the utterances of a test part that have votes, or return None where none has.

    A vote for a class that there is not, such as one of which no utterance is left, is no vote.

    Args:
        ids: of the test part (N,).
        choices: by id, the classes that each rater named, of the utterances with a vote for a class.
        classes: all that there are.
        utterances: that the ids are among, for the clusters.
    """
    names = tuple(sorted(set(classes)))
    known = [_keep_classes(choices.get(one, ()), names) for one in ids]
    rows = np.array([row for row, one in enumerate(known) if any(one)], np.intp)
    if not len(rows):
        return None
    rated = tuple(ids[row] for row in rows)
    votes = RaterVotes.from_choices([known[row] for row in rows], names)
    clusters = choose_clusters(keep_ids(utterances, set(rated)))
    return RatedPart(rated, rows, names, votes, clusters, len(ids) - len(rows))


def _keep_classes(choices: Choices, classes: Collection[str]) -> list[tuple[str, ...]]:
    return [tuple(name for name in choice if name in classes) for choice in choices]

"""Arrange raters' votes for scoring: their distribution, and each rater against the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.bootstrap import Values
from benchmarks.statistics.metrics import Probabilities
from benchmarks.statistics.vote_metrics import VoteScores

Choices = Sequence[tuple[str, ...]]  # the classes that each rater of an utterance named


@dataclass(frozen=True)
class RaterVotes:
    """The votes on some utterances, one row for each rater who chose a class. M utterances, K votes, C classes.

    Args:
        votes: what each rater gives to each class (K, C); a rater's row sums to 1.
        utterance: the place of each vote's utterance (K,), 0 to M - 1, each at least once.
    """

    votes: Values
    utterance: NDArray[np.intp]

    @classmethod
    def from_choices(cls, choices: Sequence[Choices], classes: Sequence[str]) -> "RaterVotes":
        """Arrange the choices on M utterances, each with at least one rater who chose a class."""
        place = {name: number for number, name in enumerate(classes)}
        chosen = [[choice for choice in one if choice] for one in choices]
        votes = np.zeros((sum(map(len, chosen)), len(classes)))
        for row, choice in enumerate(choice for one in chosen for choice in one):
            votes[row, [place[name] for name in choice]] = 1 / len(choice)
        return cls(votes, np.repeat(np.arange(len(chosen)), [len(one) for one in chosen]))

    @property
    def raters(self) -> NDArray[np.intp]:
        """Number of raters of each utterance (M,)."""
        return np.bincount(self.utterance)

    @property
    def shares(self) -> Values:
        """The share of the votes that each class has: (M, C)."""
        return self._sum_votes() / self.raters[:, None]

    def score(self, probabilities: Probabilities) -> VoteScores:
        """Score the probabilities of a head (M, C) against the votes."""
        return VoteScores(self.shares, probabilities, np.ones(len(self.raters)))

    def score_raters(self) -> tuple[VoteScores, NDArray[np.intp]]:
        """Score each rater's vote against the votes of the utterance's other raters.

        An utterance counts once, whatever the number of its raters, and not at all with a single one.

        Returns:
            The scores of every vote that has another beside it, and the place of its utterance.
        """
        raters = self.raters[self.utterance]
        kept = raters > 1
        votes, utterance, raters = self.votes[kept], self.utterance[kept], raters[kept]
        others = (self._sum_votes()[utterance] - votes) / (raters - 1)[:, None]
        return VoteScores(np.maximum(others, 0), votes, 1 / raters), utterance

    def _sum_votes(self) -> Values:
        total = np.zeros((int(self.utterance.max()) + 1, self.votes.shape[1]))
        np.add.at(total, self.utterance, self.votes)
        return total

"""Leave out the utterances that raters agree too little on."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.evaluation.task_votes import TaskVotes
from featurestore.errors import BadValue, Mismatch
from featurestore.votes import find_winner

_NOISE = 1e-9  # of adding shares


@dataclass(frozen=True)
class AgreementFilter:
    """The utterances that are left out because raters agree too little on them.

    Args:
        share: of the raters of an utterance; the class with the most votes must have more.
        kept: number of utterances that are left.
        left_out: by class, the number of utterances whose share is lower.
        without: by class, the number of utterances without a vote for a class.
        ids: of all that are left out.
        other: utterances that are kept whose most voted class is not their label's.
    """

    share: float
    kept: int
    left_out: Mapping[str, int]
    without: Mapping[str, int]
    ids: frozenset[str]
    other: int

    def describe(self) -> str:
        """Write a line for the user about what is left out."""
        parts = [f"agreement above {self.share:g} of the raters keeps {self.kept} of {self.kept + len(self.ids)}"]
        for why, counts in (("less agreement", self.left_out), ("no votes", self.without)):
            if counts:
                by_class = ", ".join(f"{name} {count}" for name, count in counts.items())
                parts.append(f"leaves out {sum(counts.values())} for {why} ({by_class})")
        if self.other:
            parts.append(f"{self.other} of the kept have another class by votes than by label")
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain JSON."""
        return {
            "share": self.share,
            "kept": self.kept,
            "left_out": dict(self.left_out),
            "without_votes": dict(self.without),
            "other_class_by_votes": self.other,
        }


def filter_by_agreement(share: float, votes: TaskVotes, classes: Mapping[str, str]) -> AgreementFilter:
    """Find the utterances whose most voted class has no more than a share of its raters.

    Args:
        share: at least 0 and below 1.
        votes: of the utterances.
        classes: class by id.

    Raises:
        BadValue: the share is out of its range.
        Mismatch: there are no votes, or no utterance is kept.
    """
    if not 0 <= share < 1:
        raise BadValue(f"invalid agreement {share:g}", expected="a share of at least 0 and below 1, such as 0.5")
    votes.check("--agreement")
    winners = {one: find_winner(votes.choices.get(one, ())) for one in classes}
    kept = {one for one, (name, value) in winners.items() if name and value > share + _NOISE}
    if not kept:
        raise Mismatch(
            f"no utterance has a class with more than {share:g} of its raters",
            got=f"at most {max(value for _, value in winners.values()):.2g}",
            do="give a smaller --agreement",
        )
    outside = [one for one in classes if one not in kept]
    return AgreementFilter(
        share,
        len(kept),
        _count(classes[one] for one in outside if winners[one][0]),
        _count(classes[one] for one in outside if not winners[one][0]),
        frozenset(outside),
        sum(winners[one][0] != classes[one] for one in kept),
    )


def _count(classes: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(classes).items()))

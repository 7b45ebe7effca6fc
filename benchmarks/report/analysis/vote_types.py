"""Define the types of the report's section on raters' votes (`content_types`)."""

from typing import Literal, NotRequired, TypedDict

from benchmarks.report.analysis.system_types import IntervalContent


class VoteSystemContent(TypedDict):
    """A system's figures against the votes, by metric."""

    system: str
    metrics: dict[str, IntervalContent]
    leaked: NotRequired[Literal[True]]


class VoteDifferenceContent(IntervalContent):
    """A difference between two systems in one metric; `p` is not corrected."""

    p: float


class VotePairContent(TypedDict):
    """A system trained on votes (`first`) minus the same trained on labels (`second`), by metric.

    That of the KL divergence is left out: it is that of the soft log loss.
    """

    first: str
    second: str
    metrics: dict[str, VoteDifferenceContent]
    leaked: NotRequired[Literal[True]]


class VotesContent(TypedDict):
    """The systems against the votes on the `n` test utterances that have any, `without` having none.

    `each_rater` is what a rater's vote reaches against the others' on the same utterance; it has no log loss, and is
    empty where no utterance has several raters. `themselves` is what the votes reach, the best possible.
    """

    n: int
    without: int
    mean_raters: float
    over: str
    clusters: int
    few: str
    systems: list[VoteSystemContent]
    each_rater: dict[str, IntervalContent]
    themselves: dict[str, IntervalContent]
    differences: list[VotePairContent]

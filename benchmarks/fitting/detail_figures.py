"""Hold the figures of a fitted head by class and against raters' votes, and format them as tables and JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.statistics.class_metrics import CLASS_METRICS, ClassFigures
from benchmarks.statistics.formatting import align_cells, format_interval, format_percent, name_metric
from benchmarks.statistics.intervals import Interval, PointEstimate
from benchmarks.statistics.vote_formatting import format_vote_figure, name_vote_metric
from benchmarks.statistics.vote_metrics import VOTE_METRICS

_MOST = 12  # classes in a table that can be read


@dataclass(frozen=True)
class VoteFigures:
    """The figures of a head against the votes on its test parts.

    Args:
        head: by metric.
        raters: of each rater's vote against the others'; empty where no utterance has several raters.
        votes: of the votes themselves, the best that can be reached.
        without: number of test utterances without a vote for a class.
        mean_raters: of an utterance.
        leak: which encoder was fine-tuned on test utterances, or an empty string.
    """

    head: Mapping[str, Interval]
    raters: Mapping[str, Interval]
    votes: Mapping[str, Interval]
    without: int
    mean_raters: float
    leak: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain JSON."""
        rows = {"metrics": self.head, "each_rater_against_the_others": self.raters, "votes_themselves": self.votes}
        found = {name: {metric: _to_json(one) for metric, one in row.items()} for name, row in rows.items()}
        leaked = {"leaked": True, "leakage": self.leak} if self.leak else {}
        return {**found, "without_votes": self.without, "mean_raters": self.mean_raters, **leaked}

    def table(self) -> list[str]:
        """Return the lines of a table."""
        rows = {"this head": self.head, "each rater, by the others": self.raters, "the votes themselves": self.votes}
        cells = [["", *map(name_vote_metric, VOTE_METRICS)]]
        cells += [[name, *(self._format(row, metric) for metric in VOTE_METRICS)] for name, row in rows.items() if row]
        n = next(iter(self.head.values())).n
        without = f", {self.without} without votes" if self.without else ""
        return [
            f"against the votes of {self.mean_raters:.1f} raters on average, n = {n}{without}:",
            *align_cells(cells),
        ]

    def _format(self, row: Mapping[str, Interval], metric: str) -> str:
        mark = "!" if self.leak and row is self.head else ""
        return format_vote_figure(metric, asdict(row[metric]) if metric in row else None, mark)


def list_class_lines(figures: ClassFigures, leak: str) -> list[str]:
    """Return the lines of a table with a line for each class, or none where there are too many to be read."""
    if not 0 < len(figures) <= _MOST:
        return []
    cells = [["class", "test", *(f"{name_metric(metric)} %" for metric in CLASS_METRICS)]]
    for name, row in figures.items():
        shares = (_format_share(row[metric], "!" if leak else "") for metric in CLASS_METRICS)
        cells.append([name, str(row[CLASS_METRICS[0]].n), *shares])
    return align_cells(cells)


def describe_classes(figures: ClassFigures, leak: str) -> dict[str, dict[str, Any]]:
    """Return the figures of each class as plain JSON, with `leaked` where an encoder saw test utterances."""
    leaked = {"leaked": True} if leak else {}
    return {name: {metric: _to_json(one) for metric, one in row.items()} | leaked for name, row in figures.items()}


def _to_json(one: Interval | PointEstimate) -> dict[str, Any]:
    return {"value": one.value, "low": one.low, "high": one.high, "n": one.n}


def _format_share(one: Interval | PointEstimate, mark: str) -> str:
    if one.low is None:
        return f"{format_percent(one.value)}{mark}"
    return format_interval(one.value, one.low, one.high, mark)

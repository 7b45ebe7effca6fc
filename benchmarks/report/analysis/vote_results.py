"""Measure every system against the raters' votes, and training on votes against training on labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import cast

import numpy as np

from benchmarks.grid.results import Results
from benchmarks.grid.system import System
from benchmarks.report.analysis.system_types import IntervalContent, SystemContent
from benchmarks.report.analysis.vote_types import VoteDifferenceContent, VotePairContent, VotesContent
from benchmarks.statistics.intervals import Interval
from benchmarks.statistics.rated_part import RatedPart, select_rated
from benchmarks.statistics.vote_metrics import VoteScores

_SAME_DIFFERENCE = "kl_divergence"  # as that of the soft log loss, since the votes have one entropy


def measure_votes(results: Results, leaderboard: Sequence[SystemContent]) -> VotesContent | None:
    """Return the figures against the votes, or None where no test utterance has any.

    Args:
        results: of the benchmark.
        leaderboard: gives the order of the systems.
    """
    classes = set(results.about["classes"].values())
    part = select_rated(results.ids, results.choices, classes, results.utterances)
    if part is None:
        return None
    systems = {system.name: system for system in results.systems}
    ranked = [systems[row["system"]] for row in leaderboard]
    scores = {system.name: _score(part, system) for system in ranked}
    return {
        "n": len(part.ids),
        "without": part.without,
        "mean_raters": part.raters,
        "over": part.clusters.over,
        "clusters": part.clusters.count,
        "few": part.clusters.few,
        "systems": [{"system": name, "metrics": _describe(part.measure(found))} for name, found in scores.items()],
        "each_rater": _describe(part.measure_raters()),
        "themselves": _describe(part.measure_votes()),
        "differences": list(_compare(part, ranked, scores)),
    }


def _score(part: RatedPart, system: System) -> list[VoteScores]:
    return [part.score(np.asarray(answers.probabilities), answers.classes) for answers in system.pooled]


def _compare(
    part: RatedPart, ranked: Sequence[System], scores: Mapping[str, Sequence[VoteScores]]
) -> Iterator[VotePairContent]:
    """Compare each system that was trained on votes with the same that was trained on labels."""
    labelled = {_identify(system): system for system in ranked if not system.record.train_on}
    for system in ranked:
        twin = labelled.get(_identify(system))
        if system.record.train_on and twin:
            found = part.compare(scores[system.name], scores[twin.name])
            metrics = {
                name: cast(VoteDifferenceContent, asdict(one))
                for name, one in found.items()
                if name != _SAME_DIFFERENCE
            }
            yield {"first": system.name, "second": twin.name, "metrics": metrics}


def _identify(system: System) -> tuple[str, ...]:
    """Return what a system is but for what it was trained on."""
    record = system.record
    return (record.head, record.feature_set, record.normalize, record.logits, record.missing)


def _describe(figures: Mapping[str, Interval]) -> dict[str, IntervalContent]:
    return {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in figures.items()}

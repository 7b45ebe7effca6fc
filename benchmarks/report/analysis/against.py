"""Compare the same systems in two benchmarks, on the test utterances of both: how much easier one protocol is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.grid.value_results import AnyResults, AnySystem
from benchmarks.report.analysis.section_types import AgainstContent, AgainstSystemContent
from benchmarks.report.analysis.seeds import select_answers
from benchmarks.statistics.clusters import choose_clusters
from benchmarks.statistics.measured import MeasuredAnswers
from benchmarks.statistics.paired_comparisons import compare_pairs
from featurestore.errors import BadValue
from featurestore.manifest import keep_ids

HERE, THERE = "here", "there"
_DO = "compare benchmarks of the same corpus, labels, heads and features"


def compare_benchmarks(results: AnyResults, other: AnyResults) -> AgainstContent:
    """Compare each common system on the common test utterances: this benchmark minus the other.

    The figures are means over the seeds of both in this benchmark's headline metric, and the p-value is not corrected.

    Args:
        results: of the report.
        other: with another protocol or other encoders, on the same corpus and classes.

    Raises:
        BadValue: no test utterance or no system is in both, or true classes differ.
    """
    common = sorted(set(results.ids) & set(other.ids))
    if results.targets != other.targets:
        raise BadValue(
            "the two benchmarks predict different targets",
            expected=", ".join(results.targets) or "classes",
            got=", ".join(other.targets) or "classes",
            do=_DO,
        )
    pairs = [(one, two) for one in results.systems for two in other.systems if one.names & two.names]
    if not common:
        raise BadValue("the two benchmarks have no test utterance in common", do=_DO)
    if not pairs:
        raise BadValue(
            "the two benchmarks have no system in common",
            expected=", ".join(system.name for system in results.systems),
            got=", ".join(system.name for system in other.systems),
            do=_DO,
        )
    shared = set(common)
    clusters = choose_clusters(keep_ids(results.utterances, shared))
    rows = [np.array([place for place, one in enumerate(found.ids) if one in shared]) for found in (results, other)]
    return {
        "protocol": other.about["protocol"],
        "n": len(common),
        "over": clusters.over,
        "clusters": clusters.count,
        "few": clusters.few,
        "systems": [_compare_system(pair, rows, clusters.for_ids(common), results.metric) for pair in pairs],
    }


def _compare_system(
    pair: tuple[AnySystem, AnySystem], rows: Sequence[NDArray[np.intp]], clusters: Sequence[str] | None, metric: str
) -> AgainstSystemContent:
    seeds = set(pair[0].seeds) & set(pair[1].seeds)
    here, there = (
        [answers.select(places) for answers in select_answers(system, seeds)]
        for system, places in zip(pair, rows, strict=True)
    )
    if not seeds or not np.array_equal(here[0].truth, there[0].truth):
        raise BadValue(
            f"{pair[0].name} has no seed in common, or other true classes",
            expected=f"seeds {pair[0].seeds}",
            got=f"seeds {pair[1].seeds}",
            do="run both benchmarks with the same --seeds and --labels",
        )
    (difference,) = compare_pairs({HERE: here, THERE: there}, clusters=clusters, metric=metric)
    found: AgainstSystemContent = {
        "system": pair[0].name,
        "here": _mean(here, metric),
        "there": _mean(there, metric),
        "value": difference.value,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p,
        "leak": {"here": pair[0].leak, "there": pair[1].leak},
    }
    if any(system.leak for system in pair):
        found["leaked"] = True
    return found


def _mean(found: Sequence[MeasuredAnswers], metric: str) -> float:
    return float(np.mean([answers.values()[metric] for answers in found]))

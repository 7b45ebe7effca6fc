"""What another benchmark says of the same systems on the same utterances: what an easier protocol is worth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.grid.results import Results, System
from benchmarks.report.analysis.modalities import of_seeds
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.clusters import choose_clusters
from benchmarks.statistics.metrics import METRIC
from benchmarks.statistics.paired_comparisons import compare_pairs
from featurestore.errors import BadValue

HERE, THERE = "here", "there"


def against(results: Results, other: Results) -> dict[str, Any]:
    """Each system that both have, on the utterances that both tested: here less there.

    Args:
        results: of the report.
        other: by another protocol, or of other encoders, on the same corpus and classes.

    Returns:
        `protocol` of the other; `n` utterances that both tested, `over` what the intervals resample, `clusters` how
        many there are, `few` why they show nothing where they are too few; and of each of
        `systems` the unweighted average recall `here` and `there` (means over the seeds that both have), their
        difference `value` with its paired interval `low`, `high`, and its p, corrected by no number of systems; `leak`,
        what leaks `here` and `there`, and `leaked` where anything does.

    Raises:
        BadValue: no utterance was tested in both, no system is in both, or true classes differ.
    """
    common = sorted(set(results.ids) & set(other.ids))
    pairs = [(one, two) for one in results.systems for two in other.systems if one.name == two.name]
    do = "compare benchmarks of the same corpus, labels, heads and features"
    if not common:
        raise BadValue("the two benchmarks tested no utterance in common", do=do)
    if not pairs:
        raise BadValue(
            "the two benchmarks have no system in common",
            expected=", ".join(system.name for system in results.systems),
            got=", ".join(system.name for system in other.systems),
            do=do,
        )
    clusters, shared = choose_clusters(row for row in results.utterances if row.id in set(common)), set(common)
    rows = [[place for place, name in enumerate(found.ids) if name in shared] for found in (results, other)]
    systems = [_difference(pair, rows, clusters.for_ids(common)) for pair in pairs]
    over = {"over": clusters.over, "clusters": clusters.count, "few": clusters.few}
    return {"protocol": other.about["protocol"], "n": len(common), **over, "systems": systems}


def _difference(
    pair: tuple[System, System], rows: Sequence[Sequence[int]], clusters: Sequence[str] | None
) -> dict[str, Any]:
    seeds = set(pair[0].seeds) & set(pair[1].seeds)
    answers = {
        name: [_restricted(one, places) for one in of_seeds(system, seeds)]
        for name, system, places in zip((HERE, THERE), pair, rows, strict=True)
    }
    if not seeds or answers[HERE][0].truth != answers[THERE][0].truth:
        raise BadValue(
            f"{pair[0].name} has no seed in common, or other true classes",
            expected=f"seeds {pair[0].seeds}",
            got=f"seeds {pair[1].seeds}",
            do="run both benchmarks with the same --seeds and --labels",
        )
    (apart,) = compare_pairs(answers, clusters=clusters)
    return {
        "system": pair[0].name,
        **{name: _mean(found) for name, found in answers.items()},
        **{name: getattr(apart, name) for name in ("value", "low", "high", "p")},
        "leak": {name: system.leak for name, system in zip((HERE, THERE), pair, strict=True)},
        **({"leaked": True} if any(system.leak for system in pair) else {}),
    }


def _restricted(answers: Answers, rows: Sequence[int]) -> Answers:
    """Of the utterances at these places alone, without probabilities."""
    return Answers([answers.truth[row] for row in rows], [answers.prediction[row] for row in rows], answers.classes)


def _mean(found: Sequence[Answers]) -> float:
    values: list[Mapping[str, float]] = [one.values() for one in found]
    return float(np.mean([one[METRIC] for one in values]))

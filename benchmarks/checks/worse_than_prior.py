"""Whether a head is no better than one that looks at nothing."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.runs.results import Results
from benchmarks.statistics.pairs import METRIC

__all__ = ["check"]


def check(results: Results) -> Finding:
    """Fails where the unweighted average recall is at most 1 / classes, that of the most frequent class everywhere."""
    looking = [system for system in results.systems if system.card.head != "prior"]
    if not looking:
        return not_applicable("only the prior was run")
    floor = 1 / len(set(results.about["classes"].values()))
    values = {system.name: [one.values()[METRIC] for one in system.pooled] for system in looking}
    worse = [name for name, found in values.items() if sum(found) / len(found) <= floor]
    if worse:
        return failed(f"{len(worse)} of {len(looking)} systems have learned nothing: {', '.join(worse[:3])}")
    return passed(f"all {len(looking)} systems are above {100 * floor:.1f} %")

"""Whether a head is no better than one that looks at nothing."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.runs.results import Results, System
from benchmarks.statistics.formatting import percent
from benchmarks.statistics.intervals import Interval, estimates
from benchmarks.statistics.pairs import METRIC

__all__ = ["check"]


def check(results: Results) -> Finding:
    """Fails where an interval of unweighted average recall reaches 1 / classes in test, what a constant answer has."""
    looking = [system for system in results.systems if system.card.head != "prior"]
    if not looking:
        return not_applicable("only the prior was run")
    floor = 1 / len(set(looking[0].pooled[0].truth))
    worse = [system.name for system in looking if not _above(floor, results, system)]
    if worse:
        return failed(
            f"{len(worse)} of {len(looking)} systems are not shown to be above {percent(floor)} %, what a constant "
            f"answer reaches: {', '.join(worse[:3])}"
        )
    return passed(f"all {len(looking)} systems are above {percent(floor)} %, their intervals too")


def _above(floor: float, results: Results, system: System) -> bool:
    found = estimates(system.pooled, clusters=results.clusters.named(results.ids))[METRIC]
    return isinstance(found, Interval) and found.low > floor

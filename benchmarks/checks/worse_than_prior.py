"""Whether a head is no better than one that looks at nothing."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation, Judged
from benchmarks.statistics.formatting import format_percent
from benchmarks.statistics.intervals import Interval, estimates
from benchmarks.statistics.metrics import METRIC

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where an interval of unweighted average recall reaches 1 / classes in test, what a constant answer has.

    Where too few speakers were tested it cannot pass: their interval shows nothing.
    """
    looking = [system for system in results.systems if system.card.head != "prior"]
    if not looking:
        return not_applicable("only the prior was run")
    floor = 1 / len(set(looking[0].pooled[0].truth))
    worse = [system.name for system in looking if not _above(floor, results, system)]
    if worse:
        return failed(
            f"{len(worse)} of {len(looking)} systems are not shown to be above {format_percent(floor)} %, what a constant "
            f"answer reaches: {', '.join(worse[:3])}"
        )
    if results.clusters.few:
        return not_applicable(f"above {format_percent(floor)} % on what was tested, but {results.clusters.few}")
    return passed(f"all {len(looking)} systems are above {format_percent(floor)} %, their intervals too")


def _above(floor: float, results: Evaluation, system: Judged) -> bool:
    found = estimates(system.pooled, clusters=results.clusters.for_ids(results.ids))[METRIC]
    return isinstance(found, Interval) and found.low > floor

"""Whether there are enough test utterances for the differences that the table shows."""

from collections import Counter

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation

__all__ = ["check"]

LEAST = 385  # 1.96 squared x 0.25 / 0.05 squared: an interval of ±5 points at an accuracy of 50 %
LEAST_OF_CLASS = 30  # an interval of ±18 points on the recall of one class


def check(results: Evaluation) -> Finding:
    """Fails below 385 test utterances (±5 points) or 30 of a class (±18 points on its recall)."""
    if not results.ids:
        return not_applicable("nothing is tested")
    counts = Counter(results.about["classes"][name] for name in results.ids)
    rare = [f"{name} {count}" for name, count in sorted(counts.items()) if count < LEAST_OF_CLASS]
    n = len(results.ids)
    if n < LEAST:
        return failed(
            f"{n} test utterances, fewer than {LEAST}: differences below about "
            f"{196 * (0.25 / n) ** 0.5:.0f} points mean nothing"
        )
    if rare:
        return failed(f"fewer than {LEAST_OF_CLASS} test utterances of {', '.join(rare)}: their figures are coarse")
    return passed(f"{n} test utterances, at least {min(counts.values())} of each class")

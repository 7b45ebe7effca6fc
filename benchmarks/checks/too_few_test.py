"""Too few test utterances for the differences that the table shows."""

from collections import Counter

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import TEST, TRAIN, Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.fold import Fold

__all__ = ["check", "examples"]

MINIMUM = 385  # 1.96 squared x 0.25 / 0.05 squared: an interval of ±5 points at an accuracy of 50 %
MINIMUM_OF_CLASS = 30  # an interval of ±18 points on the recall of one class
_OF_VALUES = 385  # 1.96 squared / 0.1 squared: an interval of ±0.1 at a correlation of 0, where it is widest
_DO = "test more utterances, or read only larger differences"


def check(evaluation: Evaluation) -> CheckResult:
    """Fail below 385 test utterances (±5 points) or 30 of a class (±18 points on its recall).

    Of predicted values, fail below 385 test utterances, which give ±0.1 at a correlation of 0 (Fisher 1915).
    """
    if not evaluation.ids:
        return report_not_applicable("test is empty")
    if evaluation.targets:
        return _check_values(len(evaluation.ids))
    counts = Counter(evaluation.about["classes"][utterance_id] for utterance_id in evaluation.ids)
    rare = [f"{name} {count}" for name, count in sorted(counts.items()) if count < MINIMUM_OF_CLASS]
    n = len(evaluation.ids)
    if n < MINIMUM:
        margin = 196 * (0.25 / n) ** 0.5
        return report_failure(
            f"{n} test utterances, fewer than the {MINIMUM} that give an interval of ±5 points",
            meaning=f"differences below about {margin:.0f} points mean nothing",
            do=_DO,
        )
    if rare:
        return report_failure(
            f"fewer than {MINIMUM_OF_CLASS} test utterances of {', '.join(rare)}",
            meaning="figures of these classes are imprecise",
            do=_DO,
        )
    return report_pass(f"{n} test utterances, at least {min(counts.values())} of each class")


def _check_values(n: int) -> CheckResult:
    if n >= _OF_VALUES:
        return report_pass(f"{n} test utterances")
    return report_failure(
        f"{n} test utterances, fewer than the {_OF_VALUES} that give an interval of ±0.1",
        meaning=f"differences of correlations below about {1.96 / n**0.5:.2f} mean nothing",
        do=_DO,
    )


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(),
        failed=build_evaluation(fold=Fold("1", TRAIN, TEST[:100])),
        not_applicable=build_evaluation(fold=Fold("1", TRAIN, ())),
    )

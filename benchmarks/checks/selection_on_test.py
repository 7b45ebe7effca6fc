"""Settings chosen on test utterances."""

from itertools import chain

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import TEST, TRAIN, Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.fold import Fold

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where settings were searched without a dev part, or on one that shares utterances with test."""
    if not evaluation.about["tune"]:
        return report_not_applicable("settings were given, not searched")
    wrong = [
        fold.name for fold in evaluation.folds if not fold.dev or {*fold.dev, *chain(*fold.turns)} & set(fold.test)
    ]
    if wrong:
        return report_failure(
            f"settings were not chosen on a separate dev part in folds {', '.join(wrong)}",
            meaning="figures are too high, since settings were chosen on test",
            do="use a protocol with a dev part, or give the settings (--param)",
        )
    return report_pass("settings were chosen on dev parts that share nothing with test, in every fold")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    train, test = TRAIN, TEST
    with_dev = Fold("1", train[9:], test, train[:9], turns=(train[9:18],))
    return Examples(
        passed=build_evaluation(about={"tune": 3}, fold=with_dev),
        failed=build_evaluation(about={"tune": 3}),
        not_applicable=build_evaluation(),
    )

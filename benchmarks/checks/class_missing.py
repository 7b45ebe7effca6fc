"""Classes that are missing in a part of a fold."""

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import TEST, TRAIN, Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.fold import Fold

__all__ = ["check", "examples"]

_SHOWN = 5  # missing classes that a message lists


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where a part of a fold lacks a class: unweighted figures of that fold average fewer classes."""
    if evaluation.targets:
        return report_not_applicable("values are predicted, not classes")
    classes = evaluation.about["classes"]
    every = set(classes.values())
    if not every:
        return report_not_applicable("there are no classes")
    missing = [
        f"{', '.join(sorted(absent))} in {part} of fold {fold.name}"
        for fold in evaluation.folds
        for part in ("train", "dev", "test")
        if (members := getattr(fold, part)) and (absent := every - {classes[utterance_id] for utterance_id in members})
    ]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        several = len(evaluation.folds) > 1
        return report_failure(
            f"missing classes ({'; '.join(missing[:_SHOWN])}{more})",
            meaning="unweighted figures there are over fewer classes",
            do="read the pooled figures, not those of single folds" if several else "use a protocol with more folds",
        )
    return report_pass(f"all {len(every)} classes are in every part of every fold")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    one_class = Fold("1", TRAIN, TEST[::2])
    return Examples(
        passed=build_evaluation(),
        failed=build_evaluation(fold=one_class),
        not_applicable=build_evaluation(about={"classes": {}}, fold=Fold("1", (), ())),
    )

"""Utterances left out because they lack a feature."""

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.fold import Fold

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where figures leave out utterances that the label scheme keeps."""
    dropped, kept = evaluation.about["dropped"], len(evaluation.about["classes"])
    if not kept:
        return report_not_applicable("there are no utterances")
    if dropped:
        first, reason = next(iter(dropped.items()))
        return report_failure(
            f"{len(dropped)} utterances lack a feature, for example {first} ({reason})",
            meaning="no figure includes them",
            do="extract their features (cli extract), or state how many are missing",
        )
    kept_by = "that has the values of the target" if evaluation.targets else "that the label scheme keeps"
    return report_pass(f"every utterance {kept_by} has every feature")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(),
        failed=build_evaluation(about={"dropped": {"missing": "no clip"}}),
        not_applicable=build_evaluation(about={"classes": {}}, fold=Fold("1", (), ())),
    )

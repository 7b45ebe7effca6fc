"""Utterances left out because they lack a feature."""

from collections.abc import Mapping

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.fold import Fold

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where figures leave out utterances that the label scheme keeps.

    Of predicted values, fail where figures leave out utterances that have them.
    """
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
    if lacking := {modality: len(ids) for modality, ids in _find_lacking(evaluation).items() if ids}:
        counts = " and ".join(f"{count} lack {modality}" for modality, count in lacking.items())
        return report_pass(f"no utterance is left out; {counts}, and are predicted without it")
    kept_by = "that has the values of the target" if evaluation.targets else "that the label scheme keeps"
    return report_pass(f"every utterance {kept_by} has every feature")


def _find_lacking(evaluation: Evaluation) -> Mapping[str, Mapping[str, str]]:
    """Find the utterances that lack a modality and stay, by modality and id."""
    found: Mapping[str, Mapping[str, str]] = evaluation.about.get("missing", {}).get("lacking", {})
    return found


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(),
        failed=build_evaluation(about={"dropped": {"missing": "no clip"}}),
        not_applicable=build_evaluation(about={"classes": {}}, fold=Fold("1", (), ())),
    )

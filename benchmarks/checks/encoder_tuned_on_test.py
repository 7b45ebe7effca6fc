"""Encoders that were fine-tuned on test utterances."""

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import Examples, build_evaluation, describe_tuned_encoder
from benchmarks.evaluation.evaluation import Evaluation

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where an encoder was fine-tuned on test utterances and their labels. The report marks these figures."""
    encoders = evaluation.about["encoders"]
    seen = [
        f"{encoder} on {counts['test']} of fold {fold}"
        for encoder, entry in encoders.items()
        for fold, counts in entry["tuned_on"].items()
        if counts["test"]
    ]
    if seen:
        return report_failure(
            f"encoders fine-tuned on test utterances, {', '.join(seen)}",
            meaning="the figures do not measure unseen speech",
            do="fine-tune by fold (cli finetune --all-folds), or use an encoder of other data",
        )
    tuned = sum(any(counts["train"] for counts in entry["tuned_on"].values()) for entry in encoders.values())
    if not tuned:
        return report_not_applicable("no encoder records that it was fine-tuned on this corpus")
    return report_pass(f"{tuned} encoders were fine-tuned, none on a test utterance of its folds")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(about=describe_tuned_encoder(train=400, test=0)),
        failed=build_evaluation(about=describe_tuned_encoder(train=400, test=7)),
        not_applicable=build_evaluation(),
    )

"""Heads that learned from logits of an encoder that was fine-tuned on the same utterances."""

from benchmarks.checks._check_result import (
    CheckResult,
    name_systems,
    report_failure,
    report_not_applicable,
    report_pass,
)
from benchmarks.checks._examples import Examples, build_evaluation
from benchmarks.evaluation.baselines import is_baseline
from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.evaluation.fold_features import UNSEEN

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where training logits are in-sample: overconfident, so that a head relies on them too much."""
    with_logits = [
        system
        for system in evaluation.systems
        if any(name.endswith(".logits") for name in system.record.features) and not is_baseline(system.record.head)
    ]
    if not with_logits:
        return report_not_applicable("no head learns from logits")
    wrong = [system.name for system in with_logits if system.record.logits not in UNSEEN]
    if wrong:
        return report_failure(
            f"{len(wrong)} of {len(with_logits)} systems with logits learn from in-sample ones ({name_systems(wrong)})",
            meaning="these heads rely on logits too much",
            do="cross-fit the encoder (cli finetune --crossfit K, then cli extract --all-folds)",
        )
    return report_pass(
        "every system with logits takes those of a training utterance from an encoder that was not fine-tuned on it"
    )


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(logits="cross-fitted"),
        failed=build_evaluation(logits="in-sample"),
        not_applicable=build_evaluation(features=("text.mean",)),
    )

"""Encoders whose checkpoint saw this corpus in another way than by its labels, such as in pretraining."""

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import ENCODER, Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where a checkpoint was trained on this corpus without its labels, by the card of the checkpoint.

    Training with labels is stricter: the guard against leakage refuses these figures.
    """
    encoders = evaluation.about["encoders"]
    if not encoders:
        return report_not_applicable("no head reads features of an encoder")
    notes = [f"encoder {name}, {note}" for name, entry in encoders.items() for note in entry.get("notes", ())]
    if notes:
        return report_failure(
            f"checkpoints that saw this corpus without labels ({'; '.join(notes)})",
            meaning="test speech is not new to these encoders, and the figures may be too high for other corpora",
            do="compare with an encoder of other data (cli list checkpoints), and name this with the figures",
        )
    return report_pass("no card of a checkpoint names this corpus for training without labels")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    note = "checkpoint emotion2vec/emotion2vec_base was trained on this corpus (pretraining), see its publication"
    return Examples(
        passed=build_evaluation(),
        failed=build_evaluation(about={"encoders": {"text": {**ENCODER, "notes": [note]}}}),
        not_applicable=build_evaluation(about={"encoders": {}}),
    )

"""Encoders of other programs, of which it is unknown whom they were trained on."""

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import ENCODER, Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.evaluation.exposure_notes import note_exposures
from featurestore.exposure import STATED, UNKNOWN
from featurestore.spec import IMPORTED

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where features were imported without a list of the utterances that their encoder was trained on."""
    made = {name: entry["made"] for name, entry in evaluation.about["encoders"].items()}
    if unknown := note_exposures(made):
        return report_failure(
            ", ".join(unknown),
            meaning="if it saw test utterances, the figures do not measure unseen speech",
            do="state it by cli import --trained-on FILE, where an empty file states that it saw none",
        )
    imported = [name for name, one in made.items() if one.get("class") == IMPORTED]
    if not imported:
        return report_not_applicable("no features were imported")
    return report_pass(f"whom the encoder was trained on is stated for {', '.join(imported)}")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    made = {"class": IMPORTED, "checkpoint": "/features.npz"}
    known, unknown = ({"text": {**ENCODER, "made": made | {"trained_on": one}}} for one in (STATED, UNKNOWN))
    return Examples(
        passed=build_evaluation(about={"encoders": known}),
        failed=build_evaluation(about={"encoders": unknown}),
        not_applicable=build_evaluation(),
    )

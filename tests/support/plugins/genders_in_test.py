"""Genders that no test utterance has: an example of a check in one file."""

from types import SimpleNamespace

from benchmarks.checks import FAILED, NOT_APPLICABLE, PASSED, CheckResult
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance

__all__ = ["check", "examples"]

KIND = "checks"


def check(results: Evaluation) -> CheckResult:
    """Fail where all test utterances of a known gender are of one."""
    tested = set(results.ids)
    genders = {row.gender for row in results.utterances if row.id in tested} - {""}
    if not genders:
        return CheckResult(NOT_APPLICABLE, "the gender of no test utterance is known")
    if len(genders) == 1:
        found, meaning = f"every test utterance is of gender {min(genders)}", "nothing is known of the others"
        return CheckResult(FAILED, f"{found}: {meaning}; do: test both, for example --protocol by-gender")
    return CheckResult(PASSED, f"test utterances of {len(genders)} genders")


def examples() -> SimpleNamespace:
    """Build one evaluation for each outcome."""
    return SimpleNamespace(passed=_evaluation("FM"), failed=_evaluation("F"), not_applicable=_evaluation([""]))


def _evaluation(genders: str | list[str]) -> Evaluation:
    rows = [Utterance(f"u{number}", gender=genders[number % len(genders)]) for number in range(4)]
    classes = {row.id: "anger" for row in rows}
    fold = Fold("1", (), tuple(classes))
    about = {"classes": classes, "encoders": {}, "tune": 0, "dropped": {}}
    return Evaluation(about, (fold,), tuple(rows), ())

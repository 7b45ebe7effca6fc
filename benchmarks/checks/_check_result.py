"""Define the result of a check."""

from collections.abc import Sequence
from dataclasses import dataclass

_SHOWN = 3  # systems that a message names

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Args:
        outcome: `passed`, `failed` or `not applicable`.
        message: the reason, with counts; of a failed check also what it means for the figures and what to do.
        check: registry name of the check, filled in by `run_checks`.
    """

    outcome: str
    message: str
    check: str = ""


def report_pass(message: str) -> CheckResult:
    """Return the result of a check that passed."""
    return CheckResult(PASSED, message)


def report_failure(found: str, *, meaning: str, do: str) -> CheckResult:
    """Return the result of a check that failed.

    Args:
        found: the weakness and its place, with counts.
        meaning: its effect on the figures.
        do: what to do next, or how to read the figures.

    >>> report_failure("2 of 9 clips are in training", meaning="figures are too high", do="remove the copies").message
    '2 of 9 clips are in training: figures are too high; do: remove the copies'
    """
    return CheckResult(FAILED, f"{found}: {meaning}; do: {do}")


def report_not_applicable(reason: str) -> CheckResult:
    """Return the result of a check that does not apply."""
    return CheckResult(NOT_APPLICABLE, reason)


def name_systems(names: Sequence[str]) -> str:
    """Name the first three systems.

    >>> name_systems(["svm on text", "mlp on text", "svm on audio", "mlp on audio"])
    'svm on text; mlp on text; svm on audio …'
    """
    return f"{'; '.join(names[:_SHOWN])}{' …' if len(names) > _SHOWN else ''}"

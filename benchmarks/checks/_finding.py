"""What a check found."""

from dataclasses import dataclass

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"


@dataclass(frozen=True)
class Finding:
    """One check's answer.

    Args:
        outcome: `passed`, `failed` or `not applicable`.
        message: why, with counts; where it failed, what it means for the figures.
        check: its registry name; filled in by whoever runs it.
    """

    outcome: str
    message: str
    check: str = ""


def passed(message: str) -> Finding:
    """The check passed."""
    return Finding(PASSED, message)


def failed(message: str) -> Finding:
    """The check failed."""
    return Finding(FAILED, message)


def not_applicable(message: str) -> Finding:
    """There is nothing to check."""
    return Finding(NOT_APPLICABLE, message)

"""Check whether an evaluation has weaknesses: one module per check, each with a function `check` and its `examples`.

An evaluation is a finished benchmark or a single fit. A check is found by its file. tests/contracts/test_checks.py
tests it by its examples, one evaluation for each of the three outcomes.
"""

from dataclasses import replace
from types import ModuleType

from benchmarks.checks._check_result import FAILED, NOT_APPLICABLE, PASSED, CheckResult, report_not_applicable
from benchmarks.evaluation.evaluation import Evaluation
from featurestore import registry
from featurestore.errors import summarize_error

__all__ = ["FAILED", "NOT_APPLICABLE", "PASSED", "CheckResult", "describe_check", "run_checks"]


_OF_VALUES = "Of predicted values, "


def run_checks(evaluation: Evaluation) -> list[CheckResult]:
    """Run every check, in the order of their names. A plug-in that raises an error gives a result that says so."""
    return [
        replace(_run_check(name, module, evaluation), check=name) for name, module in registry.import_modules("checks")
    ]


def describe_check(name: str, *, of_values: bool = False) -> str:
    """Describe what a check asks and when it fails, by the first lines of its module and of its function.

    Args:
        name: its registry name.
        of_values: whether values are predicted, which a line of the function's docstring may describe apart.
    """
    first, *others = str(registry.module("checks", name).check.__doc__).splitlines()
    own = [line.strip() for line in others if line.strip().startswith(_OF_VALUES)]
    fails = own[0] if of_values and own else first
    return f"{registry.summary('checks', name)} {fails}"


def _run_check(name: str, module: ModuleType, evaluation: Evaluation) -> CheckResult:
    try:
        result: CheckResult = module.check(evaluation)
    except Exception as error:  # a plug-in may raise anything, and the figures are valid without it
        if not registry.describe_source("checks", name):
            raise
        return report_not_applicable(f"the check itself fails with {summarize_error(error)}; correct the plug-in")
    return result

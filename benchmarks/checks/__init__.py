"""Check what an evaluation's figures mean: one module per check, each with a function `check` and its `examples`.

An evaluation is a finished benchmark or a single fit. A check is found by its file, and tests/contracts/test_checks.py
tests it by its own examples: one evaluation for each of the three outcomes.
"""

from dataclasses import replace
from types import ModuleType

from benchmarks.checks._check_result import FAILED, NOT_APPLICABLE, PASSED, CheckResult
from benchmarks.evaluation.evaluation import Evaluation
from featurestore import registry
from featurestore.plugin_errors import explain_errors

__all__ = ["FAILED", "NOT_APPLICABLE", "PASSED", "CheckResult", "describe_check", "run_checks"]


def run_checks(evaluation: Evaluation) -> list[CheckResult]:
    """Run every check, in the order of their names."""
    return [_run_check(name, module, evaluation) for name, module in registry.import_modules("checks")]


def _run_check(name: str, module: ModuleType, evaluation: Evaluation) -> CheckResult:
    with explain_errors("checks", name, "check"):
        found: CheckResult = replace(module.check(evaluation), check=name)
    return found


def describe_check(name: str) -> str:
    """Say what a check asks and when it fails: the first lines of its module and of its function."""
    fails = str(registry.module("checks", name).check.__doc__).partition("\n")[0]
    return f"{registry.summary('checks', name)} {fails}"

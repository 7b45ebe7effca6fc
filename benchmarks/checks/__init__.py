"""One module per check: `check(results)` looks at an evaluation, of a benchmark or of a single fit, for a `Finding`."""

from dataclasses import replace

from benchmarks.checks._finding import FAILED, NOT_APPLICABLE, PASSED, Finding
from benchmarks.evaluation.evaluation import Evaluation
from featurestore import registry

__all__ = ["FAILED", "NOT_APPLICABLE", "PASSED", "Finding", "meaning", "run"]


def run(results: Evaluation) -> list[Finding]:
    """Run every check, by name."""
    return [replace(module.check(results), check=name) for name, module in registry.import_modules("checks")]


def meaning(finding: Finding) -> str:
    """Say what a check asks and when it fails: the first lines of its module and of its function."""
    fails = str(registry.module("checks", finding.check).check.__doc__).partition("\n")[0]
    return f"{registry.summary('checks', finding.check).rstrip('.')}. {fails}"

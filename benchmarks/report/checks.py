"""Runs every check of `benchmarks/checks/` on a finished benchmark."""

from dataclasses import replace

from benchmarks.checks._finding import Finding
from benchmarks.runs.results import Results
from featurestore import registry


def run(results: Results) -> list[Finding]:
    """Every check's answer, by name."""
    return [replace(registry.module("checks", name).check(results), check=name) for name in registry.names("checks")]


def meaning(finding: Finding) -> str:
    """What a check asks and when it fails: the first lines of its module and of its function."""
    fails = str(registry.module("checks", finding.check).check.__doc__).partition("\n")[0]
    return f"{registry.summary('checks', finding.check).rstrip('.')}. {fails}"

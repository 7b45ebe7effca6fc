"""Runs every check of `benchmarks/checks/` on a finished benchmark."""

from dataclasses import replace

from benchmarks.checks._finding import Finding
from benchmarks.runs.results import Results
from featurestore import registry


def run(results: Results) -> list[Finding]:
    """Every check's answer, by name."""
    return [replace(registry.module("checks", name).check(results), check=name) for name in registry.names("checks")]

"""Select the answers of a system by seed."""

from collections.abc import Collection

from benchmarks.grid.system import System
from benchmarks.statistics.answers import Answers


def select_answers(system: System, seeds: Collection[int]) -> list[Answers]:
    """Return the pooled answers of some seeds alone."""
    return [answers for seed, answers in zip(system.seeds, system.pooled, strict=True) if seed in seeds]

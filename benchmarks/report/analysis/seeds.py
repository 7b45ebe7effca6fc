"""Select the answers of a system by seed."""

from collections.abc import Collection, Sequence

from benchmarks.grid.value_results import AnySystem
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.value_answers import ValueAnswers


def select_answers(system: AnySystem, seeds: Collection[int]) -> Sequence[Answers | ValueAnswers]:
    """Return the pooled answers of some seeds alone."""
    pooled: Sequence[Answers | ValueAnswers] = system.pooled
    return [answers for seed, answers in zip(system.seeds, pooled, strict=True) if seed in seeds]

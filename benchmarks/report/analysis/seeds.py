"""Select the answers of a system by seed, or by utterance."""

from collections.abc import Collection, Sequence

from benchmarks.grid.system import System
from benchmarks.statistics.answers import Answers


def select_answers(system: System, seeds: Collection[int]) -> list[Answers]:
    """Return the pooled answers of some seeds alone."""
    return [answers for seed, answers in zip(system.seeds, system.pooled, strict=True) if seed in seeds]


def select_rows(answers: Answers, rows: Sequence[int]) -> Answers:
    """Return the answers of some rows, without probabilities."""
    return Answers([answers.truth[row] for row in rows], [answers.prediction[row] for row in rows], answers.classes)

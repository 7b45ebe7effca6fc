"""Count a baseline once: on every feature set it gives the same predictions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.grid.system import SystemFacts

SomeSystem = TypeVar("SomeSystem", bound=SystemFacts)


def merge_equal_baselines(systems: Sequence[SomeSystem]) -> tuple[SomeSystem, ...]:
    """Merge the systems of a baseline head whose predictions are the same, into the first of them.

    A baseline that reads nothing of the features would otherwise count once for each feature set and normalization, and
    each repetition makes the correction for the number of comparisons stricter.

    Args:
        systems: of a benchmark.

    Returns:
        The systems in their order. The first without a leak stands for its equals and names them (`System.equals`).
    """
    groups: list[list[SomeSystem]] = []
    for system in systems:
        group = next((one for one in groups if _is_repetition(system, one[0])), None)
        if group is None:
            groups.append([system])
        else:
            group.append(system)
    return tuple(map(_merge, groups))


def _merge(group: Sequence[SomeSystem]) -> SomeSystem:
    first: Any = next((system for system in group if not system.leak), group[0])
    found: SomeSystem = replace(first, equals=tuple(system.name for system in group if system is not first))
    return found


def _is_repetition(system: SystemFacts, other: SystemFacts) -> bool:
    head = system.record.head
    return head == other.record.head and is_baseline(head) and _answer_the_same(system, other)


def _answer_the_same(system: SystemFacts, other: SystemFacts) -> bool:
    pairs = zip(system.pooled, other.pooled, strict=False)
    return system.seeds == other.seeds and all(one.is_equal(two) for one, two in pairs)

"""Gather the runs of a system, and pool its answers over folds."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.grid.run_records import RecordedRun, RunRecord
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.coded_labels import join_labels, select_labels
from benchmarks.statistics.matrix_store import MatrixStore
from benchmarks.statistics.metrics import align_columns


class RunWithRecord(Protocol):
    """A run that was read from disk, whatever it predicts."""

    @property
    def record(self) -> RunRecord:
        """The record of the run."""


Run = TypeVar("Run", bound=RunWithRecord)


class SystemFacts(ABC):
    """What systems that predict classes and systems that predict values tell in the same way."""

    name: str
    runs: tuple[Any, ...]
    equals: tuple[str, ...]

    @property
    @abstractmethod
    def pooled(self) -> Sequence[Any]:
        """For each seed the answers of all folds together, sorted by id."""

    @property
    def names(self) -> frozenset[str]:
        """Its own name and those of its equals."""
        return frozenset((self.name, *self.equals))

    @property
    def record(self) -> RunRecord:
        """The record of its first run, for the fields that all its runs share."""
        found: RunRecord = self.runs[0].record
        return found

    @property
    def seeds(self) -> list[int]:
        """The seeds that it was run with."""
        return sorted({run.record.seed for run in self.runs})

    @property
    def leak(self) -> str:
        """The leaks of its folds, in one line."""
        return "; ".join(dict.fromkeys(run.record.leak for run in self.runs if run.record.leak))


@dataclass(frozen=True)
class System(SystemFacts):
    """One head on one feature set over all folds, or a control of such a system.

    Args:
        name: its name in all results. For a control, `record.system` is the name of its system.
        runs: every fold and seed.
        equals: the names of the systems of the same baseline that give the same predictions, and are not counted.
        matrices: hold the probabilities of the benchmark.
    """

    name: str
    runs: tuple[RecordedRun, ...]
    equals: tuple[str, ...] = ()
    matrices: MatrixStore = field(default_factory=MatrixStore, repr=False, compare=False)

    @cached_property
    def pooled(self) -> list[Answers]:
        """For each seed the answers of all folds together, sorted by id."""
        by_seed = ([run for run in self.runs if run.record.seed == seed] for seed in self.seeds)
        return [_pool(runs, self.matrices) for runs in by_seed]


def group_by_system(runs: Sequence[RecordedRun], matrices: MatrixStore) -> tuple[System, ...]:
    """Group the runs of a benchmark by system or control, in the order of the first run of each.

    Args:
        runs: of the benchmark.
        matrices: hold the probabilities of the benchmark.
    """
    return tuple(System(name, tuple(members), matrices=matrices) for name, members in group_runs(runs).items())


def group_runs(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Group runs by the name of their system or control, in the order of the first run of each."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(_name_system(run.record), []).append(run)
    return found


def _name_system(record: RunRecord) -> str:
    train_size = [f"train size {record.train_size:g}"] if record.train_size < 1 else []
    permuted = [f"{record.permuted} permuted"] if record.permuted else []
    hidden = [f"{record.hidden} missing in {100 * record.hidden_share:g} %"] if record.hidden else []
    is_protocol = record.flaw == record.protocol
    flaw = [f"protocol {record.flaw}" if is_protocol else record.flaw] if record.flaw else []
    return ", ".join([record.system, *train_size, *permuted, *hidden, *flaw])


def _pool(runs: Sequence[RecordedRun], matrices: MatrixStore) -> Answers:
    order = sort_ids(tuple(run.ids for run in runs))
    classes = sorted({name for run in runs for name in run.record.classes})
    truth = join_labels([run.answers.truth for run in runs])
    prediction = join_labels([run.answers.prediction for run in runs])
    aligned = (align_columns(np.asarray(run.answers.probabilities), run.record.classes, classes) for run in runs)
    probabilities = np.concatenate(list(aligned))[order]
    return Answers(select_labels(truth, order), select_labels(prediction, order), classes, matrices.keep(probabilities))


@lru_cache(maxsize=4)  # every system of a benchmark has the same utterances
def sort_ids(parts: tuple[tuple[str, ...], ...]) -> NDArray[np.intp]:
    """Return the order that sorts the ids of all parts together (N,)."""
    ids = [*chain.from_iterable(parts)]
    return np.array(sorted(range(len(ids)), key=ids.__getitem__), np.intp)

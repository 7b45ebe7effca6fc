"""Gather the runs of a system, and pool its answers over folds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.grid.run_records import RecordedRun, RunRecord
from benchmarks.statistics.answers import Answers


@dataclass(frozen=True)
class System:
    """One head on one feature set over all folds, or a control of such a system.

    Args:
        name: its name in all results. For a control, `record.system` is the name of its system.
        runs: every fold and seed.
        equals: the names of the systems of the same baseline that give the same predictions, and are not counted.
    """

    name: str
    runs: tuple[RecordedRun, ...]
    equals: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Its own name and those of its equals."""
        return frozenset((self.name, *self.equals))

    @property
    def record(self) -> RunRecord:
        """The record of its first run, for the fields that all its runs share."""
        return self.runs[0].record

    @property
    def seeds(self) -> list[int]:
        """The seeds that it was run with."""
        return sorted({run.record.seed for run in self.runs})

    @cached_property
    def pooled(self) -> list[Answers]:
        """For each seed the answers of all folds together, sorted by id."""
        return [_pool([run for run in self.runs if run.record.seed == seed]) for seed in self.seeds]

    @property
    def leak(self) -> str:
        """The leaks of its folds, in one line."""
        return "; ".join(dict.fromkeys(run.record.leak for run in self.runs if run.record.leak))


def group_by_system(runs: Sequence[RecordedRun]) -> tuple[System, ...]:
    """Group the runs of a benchmark by system or control, in the order of the first run of each."""
    found: dict[str, list[RecordedRun]] = {}
    for run in runs:
        found.setdefault(_name_system(run.record), []).append(run)
    return tuple(System(name, tuple(members)) for name, members in found.items())


def _name_system(record: RunRecord) -> str:
    train_size = [f"train size {record.train_size:g}"] if record.train_size < 1 else []
    permuted = [f"{record.permuted} permuted"] if record.permuted else []
    is_protocol = record.flaw == record.protocol
    flaw = [f"protocol {record.flaw}" if is_protocol else record.flaw] if record.flaw else []
    return ", ".join([record.system, *train_size, *permuted, *flaw])


def _pool(runs: Sequence[RecordedRun]) -> Answers:
    classes = sorted({name for run in runs for name in run.record.classes})
    rows = sorted(
        (utterance_id, run.answers.truth[row], run.answers.prediction[row], number, row)
        for number, run in enumerate(runs)
        for row, utterance_id in enumerate(run.ids)
    )
    aligned = [_align_probabilities(run, classes) for run in runs]
    probabilities = np.array([aligned[number][row] for _, _, _, number, row in rows])
    return Answers([row[1] for row in rows], [row[2] for row in rows], classes, probabilities)


def _align_probabilities(run: RecordedRun, classes: Sequence[str]) -> np.ndarray:
    """Return a run's probabilities with a column for each class, 0 for a class that the run did not know."""
    found = run.answers.probabilities
    if found is None or list(run.record.classes) == list(classes):
        return np.asarray(found)
    place = [classes.index(name) for name in run.record.classes]
    out = np.zeros((len(found), len(classes)))
    out[:, place] = found
    return out

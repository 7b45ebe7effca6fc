"""Read a benchmark that predicts values back from its folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.grid import results
from benchmarks.grid.equal_baselines import merge_equal_baselines
from benchmarks.grid.results import Results
from benchmarks.grid.system import System, SystemFacts, group_runs, sort_ids
from benchmarks.grid.value_records import RecordedValueRun, read_value_run
from benchmarks.statistics.value_answers import ValueAnswers
from benchmarks.statistics.value_metrics import MEAN_CONCORDANCE


@dataclass(frozen=True)
class ValueSystem(SystemFacts):
    """One regressor on one feature set over all folds, or a control of such a system.

    Args:
        name: its name in all results. For a control, `record.system` is the name of its system.
        runs: every fold and seed.
        equals: the names of the systems of the same baseline that give the same predictions, and are not counted.
    """

    name: str
    runs: tuple[RecordedValueRun, ...]
    equals: tuple[str, ...] = ()

    @cached_property
    def pooled(self) -> list[ValueAnswers]:
        """For each seed the answers of all folds together, sorted by id."""
        return [_pool([run for run in self.runs if run.record.seed == seed]) for seed in self.seeds]


@dataclass(frozen=True)
class ValueResults(Evaluation):
    """A finished benchmark of regressors; `about` also holds its config, as JSON.

    Args:
        controls: systems with less training data or with permuted test rows, which no table of systems shows.
        headline: full name of the metric to rank and compare by; by default the benchmark's own.
    """

    systems: tuple[ValueSystem, ...]
    controls: tuple[ValueSystem, ...] = ()
    headline: str = ""

    @property
    def metric(self) -> str:
        """Full name of the metric that systems are ranked and compared by."""
        return self.headline or self.searched_metric

    @property
    def searched_metric(self) -> str:
        """Full name of the benchmark's own metric, which a search chose settings by."""
        return str(self.about.get("metric", MEAN_CONCORDANCE))


AnySystem = System | ValueSystem
AnyResults = Results | ValueResults


def read_any_results(out: Path) -> AnyResults:
    """Read a benchmark of classifiers or of regressors.

    Raises:
        NotFound: there is no benchmark, or a run is missing.
        Mismatch: a file is damaged or of another version.
    """
    about = results.read_about(out)
    return read_value_results(out, about) if about.get("targets") else results.read(out)


def read_value_results(out: Path, about: Mapping[str, Any]) -> ValueResults:
    """Read a benchmark of regressors.

    Args:
        out: its folder.
        about: what `results.read_about` returned of it.

    Raises:
        NotFound: a run is missing.
        Mismatch: a file is damaged or of another version.
    """
    runs = [read_value_run(out / results.RUNS, digest) for digest in about["runs"]]
    systems = merge_equal_baselines(_group([run for run in runs if not run.record.is_control]))
    repeated = {name for system in systems for name in system.equals}
    controls = _group([run for run in runs if run.record.is_control and run.record.system not in repeated])
    return ValueResults(about, results.read_folds(out), results.read_utterances(out), systems, controls)


def _group(runs: Sequence[RecordedValueRun]) -> tuple[ValueSystem, ...]:
    return tuple(ValueSystem(name, tuple(members)) for name, members in group_runs(runs).items())


def _pool(runs: Sequence[RecordedValueRun]) -> ValueAnswers:
    order = sort_ids(tuple(run.ids for run in runs))
    truth = np.concatenate([run.answers.truth for run in runs])[order]
    prediction = np.concatenate([run.answers.prediction for run in runs])[order]
    return ValueAnswers(truth, prediction, runs[0].record.targets)

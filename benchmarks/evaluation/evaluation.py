"""What checks and reports look at: how utterances were cut, what the data are, what each system answered.

A finished benchmark gives it (`benchmarks.grid.results`), and so does a head that was just fitted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from benchmarks.statistics.answers import Answers
from benchmarks.statistics.clusters import Clusters, choose_clusters
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance


class Setup(Protocol):
    """How a system was made; `benchmarks.grid.predictions.Card` is one."""

    @property
    def head(self) -> str:
        """The head's registry name."""

    @property
    def features(self) -> tuple[str, ...]:
        """The features, in column order."""

    @property
    def logits(self) -> str:
        """How logits of training utterances were taken (`benchmarks.evaluation.inputs.taken`)."""

    @property
    def normalize(self) -> str:
        """`none`, `global` or `speaker`."""


class Judged(Protocol):
    """One head on one feature set with its answers; `benchmarks.grid.results.System` is one."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def card(self) -> Setup:
        """How it was made."""

    @property
    def pooled(self) -> Sequence[Answers]:
        """For each seed the answers of all folds together, by id in alphabetical order."""


@dataclass(frozen=True)
class Evaluation:
    """An evaluation, of one system or of several.

    Args:
        about: the data, as `benchmarks.grid.about.data` gives it; of a benchmark also what was asked.
        folds: how it was cut.
        utterances: those in the folds.
        systems: in the order that they were asked for.
    """

    about: Mapping[str, Any]
    folds: tuple[Fold, ...]
    utterances: tuple[Utterance, ...]
    systems: tuple[Judged, ...]

    @cached_property
    def ids(self) -> list[str]:
        """The tested utterances, in the order of the systems' pooled answers."""
        return sorted(name for fold in self.folds for name in fold.test)

    @cached_property
    def clusters(self) -> Clusters:
        """What the intervals resample."""
        tested = set(self.ids)
        return choose_clusters(row for row in self.utterances if row.id in tested)

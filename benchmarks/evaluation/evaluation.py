"""Define what checks and reports read: the folds, the data, and the predictions of each system.

A finished benchmark provides it (`benchmarks.grid.results`), and so does a head that was just fitted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from benchmarks.statistics.clusters import Clusters, choose_clusters
from benchmarks.statistics.measured import MeasuredAnswers
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance, keep_ids


class Setup(Protocol):
    """The setup of a system; `RunSpec` and `RunRecord` are setups."""

    @property
    def head(self) -> str:
        """The head's registry name."""

    @property
    def features(self) -> tuple[str, ...]:
        """The features, in column order."""

    @property
    def logits(self) -> str:
        """Which encoders gave the logits of training utterances (`ResolvedFeatures.logits`)."""

    @property
    def normalize(self) -> str:
        """`none`, `global` or `speaker`."""

    @property
    def context(self) -> str:
        """The turns that the head sees of a dialogue: `whole dialogue`, `past turns`, or an empty string for none."""


class EvaluatedSystem(Protocol):
    """One head on one feature set with its predictions; `benchmarks.grid.system.System` is one."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    @property
    def record(self) -> Setup:
        """Its setup."""

    @property
    def pooled(self) -> Sequence[MeasuredAnswers]:
        """For each seed the answers of all folds together, by id in alphabetical order."""


@dataclass(frozen=True)
class Evaluation:
    """An evaluation, of one system or of several.

    Args:
        about: what `Task.describe_data` returns; of a benchmark also its config.
        folds: how the data were split.
        utterances: those in the folds.
        systems: in the order of the command.
    """

    about: Mapping[str, Any]
    folds: tuple[Fold, ...]
    utterances: Sequence[Utterance]
    systems: tuple[EvaluatedSystem, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the values that are predicted; empty where classes are."""
        return tuple(self.about.get("targets", ()))

    @cached_property
    def ids(self) -> list[str]:
        """The tested utterances, in the order of the systems' pooled answers."""
        return sorted(utterance_id for fold in self.folds for utterance_id in fold.test)

    @cached_property
    def clusters(self) -> Clusters:
        """The clusters that the intervals resample."""
        tested = set(self.ids)
        return choose_clusters(keep_ids(self.utterances, tested))

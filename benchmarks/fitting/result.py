"""What fitting a head gives: figures with their intervals, predictions, and the bundle; as JSON and as a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.checks import FAILED, Finding
from benchmarks.evaluation.inputs import UNSEEN
from benchmarks.evaluation.normalize import NONE, NOTES, SPEAKER
from benchmarks.fitting.settings import Searched, describe_settings
from benchmarks.statistics.bootstrap import FEW, METHOD, RESAMPLES
from benchmarks.statistics.clusters import Clusters
from benchmarks.statistics.formatting import estimate
from benchmarks.statistics.intervals import Interval
from featurestore.prediction.bundle import INSTEAD, NO_BUNDLE, Bundle

_SURE = ", surer of training utterances than of others (cli finetune --crossfit K)"

INTERVAL = f"{METHOD} (below {FEW} units Student's interval), {RESAMPLES} resamples"


@dataclass(frozen=True)
class Prediction:
    """One held-out utterance: its id, the fold that tests it, its true and its predicted class."""

    id: str
    fold: str
    truth: str
    prediction: str


@dataclass(frozen=True)
class FoldResult:
    """The figures of one fold, or of all pooled.

    Args:
        name: of the fold, or `pooled`.
        train: utterances trained on; None where pooled.
        test: utterances tested on.
        metrics: by full name.
        clusters: what the intervals resample.
        classes: how many classes are in test.
        leak: which encoder was tuned on the test part; empty where none was.
    """

    name: str
    train: int | None
    test: int
    metrics: Mapping[str, Interval]
    clusters: Clusters
    classes: int
    leak: str = ""

    def metrics_json(self) -> dict[str, dict[str, Any]]:
        """Each metric as value, low, high, n, what its interval resamples and how many; where it leaks, the reason."""
        mark: dict[str, Any] = {"over": self.clusters.over, "clusters": self.clusters.count}
        mark |= {"leaked": True, "leakage": self.leak} if self.leak else {}
        return {
            name: {"value": found.value, "low": found.low, "high": found.high, "n": found.n} | mark
            for name, found in self.metrics.items()
        }


@dataclass(frozen=True)
class Fitted:
    """A fitted head with its figures.

    Args:
        bundle: what `featurestore.prediction.bundle.save` writes.
        folds: the figures of each fold.
        pooled: the figures of all test utterances together.
        predictions: every test utterance, fold by fold.
        left_out: utterances that the label scheme leaves out, by label.
        dropped: id and reason of the utterances that have a class but no features.
        logits: how those of training utterances were taken (`benchmarks.evaluation.inputs.taken`).
        checks: every check's answer.
        path: where the bundle was written; None where it was not.
        searched: the settings that a search chose; None where none was asked for.
    """

    bundle: Bundle
    folds: tuple[FoldResult, ...]
    pooled: FoldResult
    predictions: tuple[Prediction, ...]
    left_out: Mapping[str, int]
    dropped: Mapping[str, str]
    logits: str = ""
    checks: tuple[Finding, ...] = ()
    path: Path | None = None
    searched: Searched | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON, but for the weights and the single predictions."""
        bundle, clusters = self.bundle, self.pooled.clusters
        names = (
            "params",
            "normalize",
            "labels",
            "classes",
            "corpus",
            "protocol",
            "seed",
            "features",
            "blocks",
            "trained_on",
        )
        head = {"head": bundle.head_name} | {name: _plain(getattr(bundle, name)) for name in names}
        return head | {
            "bundle": None if self.path is None else str(self.path),
            "bundle_fitted_on": self._fitted_on(),
            "metrics": self.pooled.metrics_json(),
            "folds": [
                {"fold": fold.name, "train": fold.train, "test": fold.test, "classes": fold.classes}
                | {"metrics": fold.metrics_json()}
                for fold in self.folds
            ],
            "interval": INTERVAL,
            "interval_over": {"over": clusters.over, "clusters": clusters.count}
            | {"few": clusters.few, "note": clusters.note},
            "logits": self.logits,
            "search": self.searched and self.searched.to_json(),
            "leaked": bool(self.pooled.leak),
            "left_out": dict(self.left_out),
            "dropped": dict(self.dropped),
            "checks": [asdict(finding) for finding in self.checks],
        }

    def table(self) -> str:
        """Plain text for a terminal: one line per fold, then all pooled; figures in %, intervals in brackets.

        How many classes are in test is a column where folds differ in it.
        """
        rows = [*self.folds, self.pooled] if len(self.folds) > 1 else list(self.folds)
        cells = [["fold", "train", "test", "classes", *(name.replace("_", " ") + " %" for name in self.pooled.metrics)]]
        cells += [_cells(row) for row in rows]
        if len({row.classes for row in rows}) == 1:
            cells = [[*row[:3], *row[4:]] for row in cells]
        leaks = [f"! leaked: {row.leak}" for row in self.folds if row.leak]
        searched = self.searched.lines(bundled=self.path is not None) if self.searched else []
        below = [f"in brackets: {self._interval(rows)}", *searched, *self._notes(), *leaks, *self._failed()]
        return "\n".join([*self._title(), "", *_aligned(cells), "", *below, *self._bundle()])

    def _interval(self, rows: Sequence[FoldResult]) -> str:
        over = {f"over {row.clusters.over}" for row in rows if row is not self.pooled}
        pooled = self.pooled.clusters
        return f"{INTERVAL}, {' or '.join(sorted(over))}; pooled over {pooled.count} {pooled.over}"

    def _notes(self) -> list[str]:
        """What the intervals do not say: of all pooled, then of single folds, each once."""
        pooled = self.pooled.clusters.note
        single = Counter(row.clusters.note for row in self.folds if row.clusters.note not in ("", pooled))
        of = {note: f"{count} of {len(self.folds)} folds" for note, count in single.items()}
        return [*([f"! {pooled}"] if pooled else []), *(f"in {folds}: {note}" for note, folds in of.items())]

    def _failed(self) -> list[str]:
        return [f"! check {one.check} failed: {one.message}" for one in self.checks if one.outcome == FAILED]

    def _fitted_on(self) -> str | None:
        if self.bundle.normalize == SPEAKER:
            return None  # there is no bundle
        return "everything" if self.bundle.fold is None else f"the training part of fold {self.bundle.fold}"

    def _bundle(self) -> list[str]:
        if self.bundle.normalize == SPEAKER:
            return [f"no bundle: {NO_BUNDLE}; {INSTEAD}"]
        fold = self.bundle.fold
        fitted_on = (
            "everything; the figures are of the folds' own heads" if fold is None else f"fold {fold}'s training part"
        )
        types = getattr(self.bundle.head, "trusted_types", ())
        trusted = [f"loading it trusts these types, beside those that skops knows: {', '.join(types)}"] if types else []
        return [] if self.path is None else [f"bundle {self.path}: fitted on {fitted_on}", *trusted]

    def _title(self) -> list[str]:
        bundle = self.bundle
        features = ", ".join(f"{name} ({width})" for name, width in bundle.blocks.items())
        return [
            f"head {bundle.head_name} on {bundle.corpus}, labels {bundle.labels}: {', '.join(bundle.classes)}",
            f"features {features}",
            *([f"logits: {self.logits}{_SURE if self.logits not in UNSEEN else ''}"] if self.logits else []),
            *([f"normalised: {NOTES[bundle.normalize]}"] if bundle.normalize != NONE else []),
            *([self._settings()] if bundle.params else []),
            f"protocol {bundle.protocol}, seed {bundle.seed}, n = {self.pooled.test}",
        ]

    def _settings(self) -> str:
        searched = self.searched.bundle if self.searched else ()
        return describe_settings(self.bundle.head_name, self.bundle.params, searched)


def _cells(row: FoldResult) -> list[str]:
    mark = "!" if row.leak else ""
    figures = [estimate(f.value, f.low, f.high, mark) for f in row.metrics.values()]
    return [row.name, "" if row.train is None else str(row.train), str(row.test), str(row.classes), *figures]


def _aligned(cells: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in cells)
    return ["  ".join(line).rstrip() for line in lines]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value

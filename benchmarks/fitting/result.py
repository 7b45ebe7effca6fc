"""What fitting a head gives: figures with their intervals, predictions, and the bundle; as JSON and as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.runs.inputs import UNSEEN
from benchmarks.runs.normalize import NONE, NOTES, SPEAKER
from benchmarks.statistics.bootstrap import FEW, METHOD, RESAMPLES
from benchmarks.statistics.formatting import estimate
from benchmarks.statistics.intervals import Interval
from featurestore.bundle import INSTEAD, NO_BUNDLE, Bundle

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
        over: what the intervals resample: `speakers`, `dialogues` or `utterances`.
        leak: which encoder was tuned on the test part; empty where none was.
    """

    name: str
    train: int | None
    test: int
    metrics: Mapping[str, Interval]
    over: str
    leak: str = ""

    def metrics_json(self) -> dict[str, dict[str, Any]]:
        """Each metric as value, low, high, n and what its interval resamples; where it leaks, with the reason."""
        mark: dict[str, Any] = {"over": self.over}
        mark |= {"leaked": True, "leakage": self.leak} if self.leak else {}
        return {
            name: {"value": found.value, "low": found.low, "high": found.high, "n": found.n} | mark
            for name, found in self.metrics.items()
        }


@dataclass(frozen=True)
class Fitted:
    """A fitted head with its figures.

    Args:
        bundle: what `featurestore.bundle.save` writes.
        folds: the figures of each fold.
        pooled: the figures of all test utterances together.
        predictions: every test utterance, fold by fold.
        left_out: utterances that the label scheme leaves out, by label.
        dropped: id and reason of the utterances that have a class but no features.
        logits: how those of training utterances were taken (`benchmarks.runs.inputs.taken`).
        path: where the bundle was written; None where it was not.
    """

    bundle: Bundle
    folds: tuple[FoldResult, ...]
    pooled: FoldResult
    predictions: tuple[Prediction, ...]
    left_out: Mapping[str, int]
    dropped: Mapping[str, str]
    logits: str = ""
    path: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON, but for the weights and the single predictions."""
        bundle = self.bundle
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
                {"fold": fold.name, "train": fold.train, "test": fold.test, "metrics": fold.metrics_json()}
                for fold in self.folds
            ],
            "interval": INTERVAL,
            "logits": self.logits,
            "leaked": bool(self.pooled.leak),
            "left_out": dict(self.left_out),
            "dropped": dict(self.dropped),
        }

    def table(self) -> str:
        """Plain text for a terminal: one line per fold, then all pooled; figures in %, intervals in brackets."""
        rows = [*self.folds, self.pooled] if len(self.folds) > 1 else list(self.folds)
        cells = [["fold", "train", "test", *(name.replace("_", " ") + " %" for name in self.pooled.metrics)]]
        cells += [_cells(row) for row in rows]
        leaks = [f"! leaked: {row.leak}" for row in self.folds if row.leak]
        return "\n".join(
            [*self._title(), "", *_aligned(cells), "", f"in brackets: {self._interval(rows)}", *leaks, *self._bundle()]
        )

    def _interval(self, rows: Sequence[FoldResult]) -> str:
        over = {f"over {row.over}" for row in rows if row is not self.pooled}
        return f"{INTERVAL}, {' or '.join(sorted(over))}; pooled over {self.pooled.over}"

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
        return [] if self.path is None else [f"bundle {self.path}: fitted on {fitted_on}"]

    def _title(self) -> list[str]:
        bundle = self.bundle
        features = ", ".join(f"{name} ({width})" for name, width in bundle.blocks.items())
        return [
            f"head {bundle.head_name} on {bundle.corpus}, labels {bundle.labels}: {', '.join(bundle.classes)}",
            f"features {features}",
            *([f"logits: {self.logits}{_SURE if self.logits not in UNSEEN else ''}"] if self.logits else []),
            *([f"normalised: {NOTES[bundle.normalize]}"] if bundle.normalize != NONE else []),
            f"protocol {bundle.protocol}, seed {bundle.seed}, n = {self.pooled.test}",
        ]


def _cells(row: FoldResult) -> list[str]:
    mark = "!" if row.leak else ""
    figures = [estimate(f.value, f.low, f.high, mark) for f in row.metrics.values()]
    return [row.name, "" if row.train is None else str(row.train), str(row.test), *figures]


def _aligned(cells: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in cells)
    return ["  ".join(line).rstrip() for line in lines]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value

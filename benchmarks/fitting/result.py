"""Hold a fitted head with its figures, predictions and bundle, and format it as JSON and as a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.checks import FAILED, CheckResult
from benchmarks.evaluation.agreement import AgreementFilter
from benchmarks.evaluation.fold_features import UNSEEN
from benchmarks.evaluation.head_settings import describe_params
from benchmarks.evaluation.hyperparameter_search import SearchResult
from benchmarks.evaluation.missing_policy import MissingPolicy, describe_policy
from benchmarks.evaluation.soft_labels import LABELS
from benchmarks.evaluation.value_targets import name_kind
from benchmarks.fitting.detail_figures import VoteFigures, describe_classes, list_class_lines
from benchmarks.fitting.held_out import HeldOut
from benchmarks.fitting.measure_hidden import HiddenResult, list_cells
from benchmarks.statistics.bootstrap import FEW, METHOD, RESAMPLES, name_groups
from benchmarks.statistics.class_metrics import ClassFigures
from benchmarks.statistics.clusters import Clusters
from benchmarks.statistics.formatting import align_cells, format_interval
from benchmarks.statistics.intervals import Interval
from featurestore.head_inputs import describe_approximation
from featurestore.normalization import NONE, NOTES, SPEAKER
from featurestore.prediction.bundle import INSTEAD, NO_BUNDLE, Bundle

_OVERCONFIDENT = ", overconfident on training utterances (see cli finetune --crossfit)"

HIDDEN = (
    "hidden in test: this share of the complete test utterances of each fold is predicted without the modality; the "
    "columns before the figures count the utterances by what they were predicted without"
)
INTERVAL = f"{METHOD} (below {FEW} units Student's interval), {RESAMPLES} resamples"


@dataclass(frozen=True)
class FoldResult:
    """Figures of one fold, or of all pooled.

    Args:
        name: of the fold, or `pooled`.
        train: number of training utterances; None if pooled.
        test: number of test utterances.
        metrics: by full name.
        clusters: that the intervals resample.
        classes: how many classes are in test; 0 where values are predicted.
        leak: which encoder was fine-tuned on the test part, or an empty string.
        exposure: of which encoder it is unknown whom it saw, or an empty string.
    """

    name: str
    train: int | None
    test: int
    metrics: Mapping[str, Interval]
    clusters: Clusters
    classes: int
    leak: str = ""
    exposure: str = ""

    def metrics_json(self) -> dict[str, dict[str, Any]]:
        """Return each metric as value, low, high and n, with its clusters, and leak and exposure if there are any."""
        mark: dict[str, Any] = {"over": self.clusters.over, "clusters": self.clusters.count}
        mark |= {"leaked": True, "leakage": self.leak} if self.leak else {}
        mark |= {"exposure": self.exposure} if self.exposure else {}
        return {
            name: {"value": found.value, "low": found.low, "high": found.high, "n": found.n} | mark
            for name, found in self.metrics.items()
        }


@dataclass(frozen=True)
class FittedHead:
    """A fitted head with its figures.

    Args:
        bundle: what `featurestore.prediction.save_bundle.save` writes.
        folds: the figures of each fold.
        pooled: the figures of all test utterances together.
        predictions: every test utterance, fold by fold.
        left_out: utterances that the label scheme leaves out, by label.
        dropped: id and reason of the utterances that have a class but no features.
        logits: which encoders gave those of training utterances (`ResolvedFeatures.logits`).
        checks: the result of every check.
        path: folder of the saved bundle, or None.
        searched: the settings that a search chose, or None.
        context: what the head sees of a dialogue: `whole dialogue`, `past turns`, or nothing (empty).
        missing: what was done with utterances that lack a modality; None if they were dropped.
        hidden: the figures with a modality hidden in the test parts.
        lacking: id and reason of the utterances that lack a modality and stay, by modality.
        by_class: the recall, precision and F1 of each class.
        votes: the figures against raters' votes, or None where no test utterance has any.
        train_on: `labels` or `votes`.
        agreement: the utterances that were left out because raters agree too little, or None.
    """

    bundle: Bundle
    folds: tuple[FoldResult, ...]
    pooled: FoldResult
    predictions: tuple[HeldOut, ...]
    left_out: Mapping[str, int]
    dropped: Mapping[str, str]
    logits: str = ""
    checks: tuple[CheckResult, ...] = ()
    path: Path | None = None
    searched: SearchResult | None = None
    context: str = ""
    missing: MissingPolicy | None = None
    hidden: tuple[HiddenResult, ...] = ()
    lacking: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    by_class: ClassFigures = field(default_factory=dict)
    votes: VoteFigures | None = None
    train_on: str = LABELS
    agreement: AgreementFilter | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything but the weights and the predictions, as plain JSON."""
        bundle, clusters = self.bundle, self.pooled.clusters
        approximation = describe_approximation(bundle.head)
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
        head = {"head": bundle.head_name} | {name: _to_plain(getattr(bundle, name)) for name in names}
        return head | {
            "bundle": None if self.path is None else str(self.path),
            "bundle_fitted_on": self._bundle_part(),
            "metrics": self.pooled.metrics_json(),
            "folds": [
                {"fold": fold.name, "train": fold.train, "test": fold.test, "classes": fold.classes}
                | {"metrics": fold.metrics_json()}
                for fold in self.folds
            ],
            "interval": f"{INTERVAL}{name_groups(clusters.count)}",
            "interval_over": {"over": clusters.over, "clusters": clusters.count}
            | {"few": clusters.few, "note": clusters.note},
            **({"context": self.context} if self.context else {}),
            **({"approximation": approximation} if approximation else {}),
            **({"missing": self._describe_missing()} if self.missing else {}),
            "logits": self.logits,
            "search": self.searched and self.searched.to_json(),
            "leaked": bool(self.pooled.leak),
            "per_class": describe_classes(self.by_class, self.pooled.leak),
            **({"votes": self.votes.to_json()} if self.votes else {}),
            **({"train_on": self.train_on} if self.train_on != LABELS else {}),
            **({"agreement": self.agreement.to_json()} if self.agreement else {}),
            "left_out": dict(self.left_out),
            "dropped": dict(self.dropped),
            "checks": [asdict(one) for one in self.checks],
        }

    def table(self) -> str:
        """Return a table with a line for each fold and for all pooled: figures, and intervals in brackets."""
        rows = [*self.folds, self.pooled] if len(self.folds) > 1 else list(self.folds)
        leaks = [f"! leaked: {row.leak}" for row in self.folds if row.leak]
        searched = self.searched.lines(bundled=self.path is not None) if self.searched else []
        below = [
            f"in brackets: {self._describe_interval(rows)}",
            *searched,
            *self._list_notes(),
            *leaks,
            *self._list_failed_checks(),
        ]
        return "\n".join([*self._describe_setup(), "", *self._list_tables(rows), "", *below, *self._describe_bundle()])

    def _list_tables(self, rows: Sequence[FoldResult]) -> list[str]:
        """Write the metrics of each fold, in %, and below them those of each class and those against the votes.

        The number of classes in test is a column if folds differ in it.
        """
        cells = [["fold", "train", "test", "classes", *(name.replace("_", " ") + " %" for name in self.pooled.metrics)]]
        cells += [_cells(row) for row in rows]
        if len({row.classes for row in rows}) == 1:
            cells = [[*row[:3], *row[4:]] for row in cells]
        tables = [
            align_cells(cells),
            self._describe_hidden(),
            list_class_lines(self.by_class, self.pooled.leak),
            self.votes.table() if self.votes else [],
        ]
        return [line for lines in tables if lines for line in (*lines, "")][:-1]

    def _describe_task(self) -> str:
        bundle = self.bundle
        return f"head {bundle.head_name} on {bundle.corpus}, labels {bundle.labels}: {', '.join(bundle.classes)}"

    def _describe_missing(self) -> dict[str, Any]:
        """Return what the bundle says of a missing modality, and the figures by share."""
        hidden = [one.to_json() for one in self.hidden]
        return {**self.bundle.missing, "lacking": _to_plain(self.lacking), "hidden": hidden}

    def _describe_hidden(self) -> list[str]:
        """Return a table of the figures with a modality hidden, or nothing."""
        return [*align_cells(list(list_cells(self.hidden))), "", HIDDEN] if self.hidden else []

    def _describe_interval(self, rows: Sequence[FoldResult]) -> str:
        over = {f"over {row.clusters.over}" for row in rows if row is not self.pooled}
        pooled = self.pooled.clusters
        if len(rows) == 1:
            return f"{INTERVAL}, over {pooled.count} {pooled.over}{name_groups(pooled.count)}"
        groups = name_groups(pooled.count)
        return f"{INTERVAL}, {' or '.join(sorted(over))}; pooled figures over {pooled.count} {pooled.over}{groups}"

    def _list_notes(self) -> list[str]:
        """List the caveats of the figures: of their encoders, then of the intervals, pooled and of single folds."""
        pooled = self.pooled.clusters.note
        single = Counter(row.clusters.note for row in self.folds if row.clusters.note not in ("", pooled))
        of = {note: f"{count} of {len(self.folds)} folds" for note, count in single.items()}
        exposure = [f"! {self.pooled.exposure}"] if self.pooled.exposure else []
        return [*exposure, *([f"! {pooled}"] if pooled else []), *(f"in {folds}: {note}" for note, folds in of.items())]

    def _list_failed_checks(self) -> list[str]:
        return [f"! check {one.check} failed: {one.message}" for one in self.checks if one.outcome == FAILED]

    def _bundle_part(self) -> str | None:
        if self.bundle.normalize == SPEAKER:
            return None  # there is no bundle
        return "everything" if self.bundle.fold is None else f"the training part of fold {self.bundle.fold}"

    def _describe_bundle(self) -> list[str]:
        if self.bundle.normalize == SPEAKER:
            return [f"no bundle: {NO_BUNDLE}; {INSTEAD}"]
        fold = self.bundle.fold
        fitted_on = (
            "everything; the figures are of the folds' own heads" if fold is None else f"fold {fold}'s training part"
        )
        types = getattr(self.bundle.head, "trusted_types", ())
        trusted = [f"loading it trusts these types of its weights: {', '.join(types)}"] if types else []
        return [] if self.path is None else [f"bundle {self.path}: fitted on {fitted_on}", *trusted]

    def _describe_setup(self) -> list[str]:
        bundle = self.bundle
        features = ", ".join(f"{name} ({width})" for name, width in bundle.blocks.items())
        return [
            self._describe_task(),
            f"features {features or 'none, but the words of transcripts'}",
            *([f"context: {self.context}"] if self.context else []),
            *([f"approximated: {found}"] if (found := describe_approximation(bundle.head)) else []),
            *([f"logits: {self.logits}{_OVERCONFIDENT if self.logits not in UNSEEN else ''}"] if self.logits else []),
            *([f"normalized: {NOTES[bundle.normalize]}"] if bundle.normalize != NONE else []),
            *([self._describe_params()] if bundle.params else []),
            *([f"missing {self.missing.mode}: {describe_policy(self.missing)}"] if self.missing else []),
            *([f"trained on {self.train_on}"] if self.train_on != LABELS else []),
            *([self.agreement.describe()] if self.agreement else []),
            f"protocol {bundle.protocol}, seed {bundle.seed}, n = {self.pooled.test}",
        ]

    def _describe_params(self) -> str:
        searched = self.searched.bundle if self.searched else ()
        kind = name_kind(self.bundle.targets)
        return describe_params(self.bundle.head_name, self.bundle.params, searched, kind)


def _cells(row: FoldResult) -> list[str]:
    mark = "!" if row.leak else ""
    figures = [format_interval(f.value, f.low, f.high, mark) for f in row.metrics.values()]
    return [row.name, "" if row.train is None else str(row.train), str(row.test), str(row.classes), *figures]


def _to_plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _to_plain(item) for name, item in value.items()}
    return [_to_plain(item) for item in value] if isinstance(value, (tuple, list)) else value

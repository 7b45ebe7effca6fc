"""Fits one head by one protocol on cached features, measures it on the held-out parts, and makes its bundle."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from benchmarks import folds as cuts
from benchmarks import leakage
from benchmarks.clusters import choose
from benchmarks.folds import Fold
from benchmarks.parallel import each, threads
from benchmarks.params import check_params, defaults, parse_params
from benchmarks.result import Fitted, FoldResult, Prediction
from benchmarks.stats import intervals
from featurestore import labels as schemes
from featurestore import registry
from featurestore.bundle import Bundle, check_target, save, versions
from featurestore.errors import BadValue
from featurestore.manifest import Utterance
from featurestore.spec import parse_feature

Progress = Callable[[str], None]
_SHOWN = 5  # ids named in a line of progress; the result holds all of them


class Store(Protocol):
    """What is asked of a feature store; `featurestore.store.Store` is one."""

    @property
    def path(self) -> Path:
        """The store's folder."""

    @property
    def corpus(self) -> str:
        """The corpus's name."""

    @property
    def utterances(self) -> Sequence[Utterance]:
        """The manifest."""

    def default_features(self) -> list[str]:
        """The features taken where none are named."""

    def available(self, features: Iterable[str]) -> list[str]:
        """Ids that have every feature, in manifest order."""

    def failures(self, features: Iterable[str]) -> dict[str, str]:
        """Why an utterance has no features, by id."""

    def matrix(self, features: Sequence[str], ids: Sequence[str]) -> tuple[NDArray[Any], dict[str, int], list[str]]:
        """X float32 (N, sum of D), the width of each feature, the ids of the rows."""

    def trained_on(self, encoder: str) -> frozenset[str]:
        """Ids that the encoder was tuned on."""

    def describe(self, encoder: str) -> dict[str, Any]:
        """How the encoder's vectors were made, as JSON."""


@dataclass(frozen=True)
class _Task:
    """What is fitted, on what, and how it is cut."""

    store: Store
    head: str
    params: Mapping[str, Any]
    features: tuple[str, ...]
    labels: str
    classes: Mapping[str, str]
    protocol: str
    seed: int

    @property
    def encoders(self) -> list[str]:
        """The encoders of the features, each once."""
        return list(dict.fromkeys(parse_feature(feature).encoder for feature in self.features))


@dataclass(frozen=True)
class _Run:
    """A head fitted on some ids, with the width of each feature."""

    head: Any
    blocks: Mapping[str, int]


def fit_head(
    store: Store,
    *,
    head: str,
    params: Mapping[str, Any] | None = None,
    features: Sequence[str] | None = None,
    labels: str | None = None,
    protocol: str = "holdout",
    fold: str | None = None,
    seed: int = 0,
    allow_leakage: bool = False,
    progress: Progress = lambda line: None,
) -> Fitted:
    """Fits a head on each fold's training part and measures it on its test part.

    The bundle holds the head fitted on the training part where there is one fold, or where `fold` names one; else
    the head fitted on everything, which no figure here was measured on.

    Args:
        store: features of one corpus.
        head: its registry name.
        params: constructor arguments that differ from the defaults.
        features: by default `store.default_features()`.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        fold: fit and measure this fold only.
        seed: of the protocol and, unless `params` has a `random_state`, of the head.
        allow_leakage: measure on utterances that an encoder was tuned on, and mark every figure that it touches.
        progress: is told, line by line, what is left out and what is being done.

    Raises:
        UnknownName: head, parameter, feature, label scheme, protocol or fold that is not there.
        BadValue: a parameter that the head cannot use.
        Mismatch: a label that the scheme does not know, or a corpus that the protocol cannot cut.
        Leakage: test utterances that an encoder was tuned on.
    """
    task = _task(store, head, params or {}, features, labels, protocol, seed)
    left_out, dropped = _left_out(task), _dropped(task)
    for line in _missing_lines(task, left_out, dropped):
        progress(line)
    folds = _folds(task, fold, dropped)
    leaks = leakage.check(folds, {name: store.trained_on(name) for name in task.encoders}, allow=allow_leakage)
    runs = _run(task, folds, progress)
    results = [
        _measure(task, cut.name, len(cut.train), rows, leaks.get(cut.name, ""))
        for cut, (_, rows) in zip(folds, runs, strict=True)
    ]
    predictions = [row for _, rows in runs for row in rows]
    pooled = _measure(task, "pooled", None, predictions, "; ".join(leaks.values()))
    final = runs[0][0] or _fit_everything(task, dropped, progress)
    bundle = _bundle(task, final, folds[0].name if len(folds) == 1 else None, pooled)
    return Fitted(bundle, tuple(results), pooled, tuple(predictions), left_out, dropped)


def fit_and_save(
    store: Store, *, head: str, params: Sequence[str], features: str | None, out: Path | None, **options: Any
) -> Fitted:
    """What `cli fit-head` does: `fit_head`, with its bundle written to `out`, by default `STORE/bundles/HEAD`.

    Args:
        store: features of one corpus.
        head: its registry name.
        params: `NAME=VALUE` texts.
        features: comma-separated.
        out: the bundle's folder.
        options: the others of `fit_head`.

    Raises:
        Problem: as `fit_head`, `parse_params` and `featurestore.bundle.save` raise.
    """
    chosen = [feature.strip() for feature in features.split(",") if feature.strip()] if features else None
    folder = out or store.path / "bundles" / head
    check_target(folder)
    fitted = fit_head(store, head=head, params=parse_params(head, params), features=chosen, **options)
    save(fitted.bundle, folder)
    return dataclasses.replace(fitted, path=folder)


def _task(
    store: Store,
    head: str,
    params: Mapping[str, Any],
    features: Sequence[str] | None,
    labels: str | None,
    protocol: str,
    seed: int,
) -> _Task:
    check_params(head, params)
    seeded = {"random_state": seed} if "random_state" in defaults(head) else {}
    scheme = schemes.scheme(labels or schemes.default(store.corpus))
    chosen = tuple(features or store.default_features())
    return _Task(
        store, head, seeded | dict(params), chosen, scheme.name, scheme.apply(store.utterances), protocol, seed
    )


def _left_out(task: _Task) -> dict[str, int]:
    """How many utterances of each label the scheme leaves out."""
    return dict(Counter(row.label for row in task.store.utterances if row.id not in task.classes).most_common())


def _dropped(task: _Task) -> dict[str, str]:
    """The utterances that have a class but lack a feature, and why."""
    available, failures = set(task.store.available(task.features)), task.store.failures(task.features)
    return {name: failures.get(name, "not extracted") for name in task.classes if name not in available}


def _missing_lines(task: _Task, left_out: Mapping[str, int], dropped: Mapping[str, str]) -> Iterator[str]:
    if left_out:
        by_label = ", ".join(f"{label or 'no label'} {count}" for label, count in left_out.items())
        yield f"label scheme {task.labels} keeps {len(task.classes)} utterances and leaves out {by_label}"
    if dropped:
        shown = ", ".join(f"{name} ({reason})" for name, reason in list(dropped.items())[:_SHOWN])
        more = f" and {len(dropped) - _SHOWN} more" if len(dropped) > _SHOWN else ""
        yield f"{len(dropped)} of {len(task.classes)} utterances have no features and are left out: {shown}{more}"


def _folds(task: _Task, name: str | None, dropped: Mapping[str, str]) -> list[Fold]:
    folds = cuts.cut(task.protocol, task.store.utterances, task.classes, task.seed)
    chosen = [cuts.choose(folds, name)] if name is not None else folds
    present = task.classes.keys() - dropped.keys()
    return [cuts.restrict(fold, present, task.classes) for fold in chosen]


def _run(task: _Task, folds: Sequence[Fold], progress: Progress) -> list[tuple[_Run | None, list[Prediction]]]:
    """Fits and tests every fold; the fitted head itself comes back only where it is the one for the bundle."""
    runs = []
    for fold, run in zip(folds, each(_run_fold, [(task, fold, len(folds) == 1) for fold in folds]), strict=True):
        progress(f"fold {fold.name}: fitted {task.head} on {len(fold.train)} utterances, tested on {len(fold.test)}")
        runs.append(run)
    return runs


def _run_fold(task: _Task, fold: Fold, keep: bool) -> tuple[_Run | None, list[Prediction]]:
    run = _fit(task, fold.train)
    return run if keep else None, _predict(task, run, fold)


def _fit(task: _Task, ids: Sequence[str]) -> _Run:
    X, blocks, _ = task.store.matrix(task.features, ids)  # (N, D)
    try:
        head = registry.load("heads", task.head)(**task.params)
        return _Run(head.fit(X, [task.classes[name] for name in ids]), blocks)
    except ValueError as error:
        raise BadValue(f"head {task.head}: {error}", do="see its parameters: cli list heads") from error


def _fit_everything(task: _Task, dropped: Mapping[str, str], progress: Progress) -> _Run:
    ids = [name for name in task.classes if name not in dropped]
    progress(f"fitting {task.head} on all {len(ids)} utterances, for the bundle")
    with threads(1):
        return _fit(task, ids)


def _predict(task: _Task, run: _Run, fold: Fold) -> list[Prediction]:
    X, _, _ = task.store.matrix(task.features, fold.test)  # (N, D)
    rows = zip(fold.test, run.head.predict(X), strict=True)
    return [Prediction(name, fold.name, task.classes[name], str(predicted)) for name, predicted in rows]


def _measure(task: _Task, name: str, train: int | None, rows: Sequence[Prediction], leak: str) -> FoldResult:
    tested = {row.id for row in rows}
    clusters = choose([utterance for utterance in task.store.utterances if utterance.id in tested])
    metrics = intervals(
        [row.truth for row in rows],
        [row.prediction for row in rows],
        clusters=clusters.named(row.id for row in rows),
        seed=task.seed,
    )
    return FoldResult(name, train, len(rows), metrics, clusters.over, leak)


def _bundle(task: _Task, run: _Run, fold: str | None, pooled: FoldResult) -> Bundle:
    return Bundle(
        head=run.head,
        head_name=task.head,
        params=run.head.get_params(),
        features=task.features,
        blocks=run.blocks,
        classes=tuple(map(str, run.head.classes_)),
        labels=task.labels,
        corpus=task.store.corpus,
        protocol=task.protocol,
        seed=task.seed,
        fold=fold,
        encoders={name: task.store.describe(name) for name in task.encoders},
        trained_on={name: _count_and_digest(task.store.trained_on(name)) for name in task.encoders},
        metrics=pooled.metrics_json(),
        versions=versions(),
    )


def _count_and_digest(ids: Iterable[str]) -> dict[str, Any]:
    lines = sorted(ids)
    return {"count": len(lines), "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()}

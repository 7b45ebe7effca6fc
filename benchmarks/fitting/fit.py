"""Fits one head by one protocol on cached features, measures it on the held-out parts, and makes its bundle."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.checks import FAILED, CheckResult
from benchmarks.evaluation import leakage, one_class
from benchmarks.evaluation.inputs import CROSS_FITTED, Inputs, resolve, taken
from benchmarks.evaluation.normalize import GLOBAL, NONE, SPEAKER, check_way
from benchmarks.evaluation.params import check_params, defaults, parse_params
from benchmarks.evaluation.run import Run, choose_params, execute, fit
from benchmarks.evaluation.search import limit_parts, space
from benchmarks.evaluation.source import Store
from benchmarks.evaluation.task import Task, task
from benchmarks.fitting.checked import Setup, findings
from benchmarks.fitting.result import Fitted, FoldResult, Prediction
from benchmarks.fitting.settings import Searched
from benchmarks.statistics.clusters import choose_clusters
from benchmarks.statistics.intervals import estimate_intervals
from featurestore.engines.parallel import each, threads
from featurestore.errors import BadValue
from featurestore.folds.fold import Fold, add_dev
from featurestore.folds.grouped import DEV_PARTS
from featurestore.normalization import Scaling, over
from featurestore.prediction.bundle import INSTEAD, NO_BUNDLE, Bundle, check_target, save, versions

__all__ = ["Progress", "Store", "fit_and_save", "fit_head"]

Progress = Callable[[str], None]


@dataclass(frozen=True)
class _Fitting:
    """A head, on what it is fitted, and what the fold's rows are made of."""

    task: Task
    head: str
    params: Mapping[str, Any]
    inputs: Inputs
    seed: int
    normalize: str
    search: int

    def run(self, fold: Fold) -> Run:
        """The run of one fold."""
        speakers = {row.id: row.speaker for row in self.task.store.utterances} if self.normalize == SPEAKER else {}
        classes = self.task.classes
        return Run(
            self.head,
            self.params,
            self.inputs,
            fold,
            classes,
            self.normalize,
            speakers,
            tune=self.search,
            seed=self.seed,
        )

    def chosen(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The searched ones among all settings of a fitted head."""
        return {name: params[name] for name in space(self.head, self.params)}


@dataclass(frozen=True)
class _Final:
    """A fitted head with the width of each feature, and the scaling of its rows where there is one."""

    head: Any
    blocks: Mapping[str, int]
    scaling: Scaling | None


# of one fold: the fitted head where it is the one for the bundle, the answers to its test part, all its settings
_FoldRun = tuple[_Final | None, list[Prediction], Mapping[str, Any]]


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
    logits: str = CROSS_FITTED,
    normalize: str = NONE,
    allow_leakage: bool = False,
    allow_degenerate: bool = False,
    search: int = 0,
    search_parts: int = DEV_PARTS,
    progress: Progress = lambda line: None,
) -> Fitted:
    """Fits a head on each fold's training part and measures it on its test part.

    The bundle holds the head fitted on the training part where there is one fold, or where `fold` names one; else
    the head fitted on everything, which no figure here was measured on. Where encoders are tuned fold by fold, none has
    seen everything, and the bundle is that of the first fold. Of features normalised per speaker it is that of the
    first fold, too, and cannot be saved.

    Args:
        store: features of one corpus.
        head: its registry name.
        params: constructor arguments that differ from the defaults.
        features: by default `store.default_features()`.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        fold: fit and measure this fold only.
        logits: how the logits of training utterances are taken where the encoder saw them: as
            `benchmarks.evaluation.inputs.resolve` says.
        normalize: `none`, `global` or `speaker` (`benchmarks.evaluation.normalize`).
        seed: of the protocol and, unless `params` has a `random_state`, of the head.
        allow_leakage: measure on utterances that an encoder was tuned on, and mark every figure that it touches.
        allow_degenerate: normalise per speaker although most test utterances are of speakers of one class.
        search: how many settings to try beside `params` as they are, on parts of each training part, and of everything
            for the bundle; 0 takes `params` as they are. The test part is not looked at.
        search_parts: how many of these parts take turns as dev, at most.
        progress: is told, line by line, what is left out and what is being done.

    Raises:
        UnknownName: head, parameter, feature, label scheme, protocol or fold that is not there.
        BadValue: a parameter that the head cannot use, or no way to normalise.
        Mismatch: a label that the scheme does not know, a corpus that the protocol cannot cut, normalisation per
            speaker that would take the class away, or a search, and no part can be
            cut from training.
        Leakage: test utterances that an encoder was tuned on.
    """
    check_params(head, params or {})
    check_way(normalize)
    search = _searchable(head, params or {}, search, progress)
    cut = task(store, labels=labels, protocol=protocol, seed=seed, fold=fold, dev=search > 0)
    inputs = resolve(store, features or store.default_features(), cut.folds, logits)
    dropped = cut.dropped(inputs)
    for line in cut.missing_lines(dropped):
        progress(line)
    folds = [cut.restricted(one, dropped) for one in cut.folds]
    speakers = {row.id: row.speaker for row in store.utterances}
    one_class.check([normalize], folds, cut.classes, speakers, allow=allow_degenerate)
    seen = leakage.overlaps(store, folds, inputs)
    leaks = leakage.check(folds, seen, allow=allow_leakage)
    chosen = _seeded(head, seed) | dict(params or {})
    fittings = [_Fitting(cut, head, chosen, one, seed, normalize, search) for one in inputs]
    folds = [limit_parts(one, search_parts) for one in folds] if search else folds
    # cut before anything is fitted: a cut that fails does so at once
    everything = _everything(cut, dropped, search_parts if search and not _is_kept(fittings, 0) else 0)
    runs = _run(fittings, folds, progress)
    results = [
        _measure(cut, fold.name, len(fitting.run(fold).training), rows, leaks.get(fold.name, ""))
        for fitting, fold, (_, rows, _) in zip(fittings, folds, runs, strict=True)
    ]
    predictions = [row for _, rows, _ in runs for row in rows]
    pooled = _measure(cut, "pooled", None, predictions, "; ".join(leaks.values()))
    way = taken(store, inputs, folds, logits)
    setup = Setup(head, inputs[0].features, way, normalize)
    checked = findings(cut, folds, inputs, dropped, setup, predictions, search)
    final = runs[0][0] or _fit_everything(fittings[0], everything, progress)
    bundle = _bundle(fittings[0], final, folds[0].name if runs[0][0] else None, pooled, checked)
    searched = _searched(fittings, folds, runs, final, seen, search_parts) if search else None
    left_out = cut.left_out()
    return Fitted(
        bundle, tuple(results), pooled, tuple(predictions), left_out, dropped, way, checked, searched=searched
    )


def fit_and_save(
    store: Store, *, head: str, params: Sequence[str], features: str | None, out: Path | None, **options: Any
) -> Fitted:
    """What `cli fit-head` does: `fit_head`, with its bundle written to `out`, by default `STORE/bundles/HEAD`.

    Of features normalised per speaker there is no bundle: the result says so, and an earlier one stays.

    Args:
        store: features of one corpus.
        head: its registry name.
        params: `NAME=VALUE` texts.
        features: comma-separated.
        out: the bundle's folder.
        options: the others of `fit_head`.

    Raises:
        BadValue: an `out` for features normalised per speaker, a place that cannot be written to, or no feature.
        Problem: as `fit_head`, `parse_params` and `featurestore.prediction.bundle.save` raise.
    """
    chosen = None if features is None else _named(features)
    folder = out or store.path / "bundles" / head
    bundled = options.get("normalize") != SPEAKER
    if out and not bundled:
        raise BadValue(f"no bundle can be written to {out}: {NO_BUNDLE}", do=INSTEAD)
    if bundled:
        check_target(folder)
    fitted = fit_head(store, head=head, params=parse_params(head, params), features=chosen, **options)
    if not bundled:
        return fitted
    save(fitted.bundle, folder)
    return dataclasses.replace(fitted, path=folder)


def _named(features: str) -> list[str]:
    found = [feature.strip() for feature in features.split(",") if feature.strip()]
    if not found:
        raise BadValue("--features names nothing", do="name some, or leave it out for the default")
    return found


def _seeded(head: str, seed: int) -> dict[str, Any]:
    return {"random_state": seed} if "random_state" in defaults(head) else {}


def _searchable(head: str, params: Mapping[str, Any], search: int, progress: Progress) -> int:
    """How many settings to try; none, and that is said, where there is nothing to choose."""
    if search and not space(head, params):
        progress(f"head {head} has no setting left to search: it is fitted as it is")
        return 0
    return search


def _searched(
    fittings: Sequence[_Fitting],
    folds: Sequence[Fold],
    runs: Sequence[_FoldRun],
    final: _Final,
    seen: Mapping[str, Mapping[str, Mapping[str, str]]],
    parts: int,
) -> Searched:
    tuned_on = {fold.name: {*chain(*seen[fold.name].values())} for fold in folds}
    return Searched(
        fittings[0].search,
        parts,
        {fold.name: one.chosen(run[2]) for one, fold, run in zip(fittings, folds, runs, strict=True)},
        fittings[0].chosen(final.head.get_params()),
        seen=any(tuned_on[fold.name] & {*fold.dev, *chain(*fold.turns)} for fold in folds),
    )


def _run(fittings: Sequence[_Fitting], folds: Sequence[Fold], progress: Progress) -> list[_FoldRun]:
    """Fits and tests every fold; the fitted head itself comes back only where it is the one for the bundle."""
    keep = [_is_kept(fittings, number) for number in range(len(fittings))]
    runs, tasks = [], list(zip(fittings, folds, keep, strict=True))
    for (fitting, fold, _), run in zip(tasks, each(_run_fold, tasks), strict=True):
        train = len(fitting.run(fold).training)
        progress(f"fold {fold.name}: fitted {fitting.head} on {train} utterances, tested on {len(fold.test)}")
        runs.append(run)
    return runs


def _is_kept(fittings: Sequence[_Fitting], number: int) -> bool:
    """Whether the head of that fold is the one for the bundle."""
    return len(fittings) == 1 or (number == 0 and not _can_fit_everything(fittings[0]))


def _can_fit_everything(fitting: _Fitting) -> bool:
    return fitting.inputs.files == fitting.inputs.features and fitting.normalize != SPEAKER


def _run_fold(fitting: _Fitting, fold: Fold, keep: bool) -> _FoldRun:
    classes = fitting.task.classes
    done = execute(fitting.task.store, fitting.run(fold))
    rows = zip(done.ids, done.answers[0].prediction, strict=True)
    predictions = [Prediction(name, fold.name, classes[name], predicted) for name, predicted in rows]
    return _Final(done.head, done.blocks, done.scaling) if keep else None, predictions, done.params


def _everything(cut: Task, dropped: Mapping[str, str], parts: int) -> Fold:
    """All utterances that have features as one training part, with so many parts of it to choose settings on."""
    fold = Fold("everything", tuple(sorted(name for name in cut.classes if name not in dropped)), ())
    if not parts:
        return fold
    return limit_parts(add_dev(fold, cut.protocol, cut.store.utterances, cut.classes, cut.seed), parts)


def _fit_everything(fitting: _Fitting, everything: Fold, progress: Progress) -> _Final:
    cut, run = fitting.task, fitting.run(everything)
    ids = run.training
    progress(f"fitting {fitting.head} on all {len(ids)} utterances, for the bundle")
    with threads(1):
        X, blocks = fitting.inputs.matrix(cut.store, ids)
        scaling = over(X) if fitting.normalize == GLOBAL else None
        X = scaling.apply(X) if scaling else X
        y = [cut.classes[name] for name in ids]
        return _Final(fit(fitting.head, choose_params(run, X, y), X, y), blocks, scaling)


def _measure(cut: Task, name: str, train: int | None, rows: Sequence[Prediction], leak: str) -> FoldResult:
    tested = {row.id for row in rows}
    clusters = choose_clusters([utterance for utterance in cut.store.utterances if utterance.id in tested])
    metrics = estimate_intervals(
        [row.truth for row in rows],
        [row.prediction for row in rows],
        clusters=clusters.for_ids(row.id for row in rows),
        seed=cut.seed,
    )
    return FoldResult(name, train, len(rows), metrics, clusters, len({row.truth for row in rows}), leak)


def _bundle(
    fitting: _Fitting, run: _Final, fold: str | None, pooled: FoldResult, checked: Sequence[CheckResult]
) -> Bundle:
    cut, store = fitting.task, fitting.task.store
    encoders = fitting.inputs.encoders
    return Bundle(
        head=run.head,
        head_name=fitting.head,
        params=run.head.get_params(),
        features=fitting.inputs.features,
        blocks=run.blocks,
        classes=tuple(map(str, run.head.classes_)),
        labels=cut.labels,
        corpus=store.corpus,
        protocol=cut.protocol,
        seed=fitting.seed,
        fold=fold,
        encoders={name: store.describe(file) for name, file in encoders.items()},
        trained_on={name: _count_and_digest(store.trained_on(file)) for name, file in encoders.items()},
        metrics=pooled.metrics_json(),
        versions=versions(),
        normalize=fitting.normalize,
        scaling=run.scaling,
        failed_checks={one.check: one.message for one in checked if one.outcome == FAILED},
    )


def _count_and_digest(ids: Iterable[str]) -> dict[str, Any]:
    lines = sorted(ids)
    return {"count": len(lines), "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()}

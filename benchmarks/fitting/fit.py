"""Fit one head by one protocol, as a benchmark of this head only, and make its bundle."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.evaluation.feature_sets import (
    READY,
    check_features,
    fill_feature_sets,
    name_features,
    parse_feature_sets,
)
from benchmarks.evaluation.fold_features import CROSS_FITTED
from benchmarks.evaluation.head_settings import check_params, check_searchable, parse_params, search_space
from benchmarks.evaluation.hidden_modality import HiddenModality
from benchmarks.evaluation.missing_policy import DROP, DROPOUT
from benchmarks.evaluation.run import RunResult, execute
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.soft_labels import LABELS
from benchmarks.evaluation.source import FeatureSource
from benchmarks.evaluation.streaming import AUTO
from benchmarks.evaluation.surroundings import describe_surroundings
from benchmarks.evaluation.value_targets import name_kind
from benchmarks.fitting.measure import summarize
from benchmarks.fitting.measure_hidden import separate_hidden
from benchmarks.fitting.result import FittedHead
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import BenchmarkPlan, plan
from featurestore.engines.parallel import run_each
from featurestore.engines.threads import limit_threads
from featurestore.errors import BadValue
from featurestore.folds.group_split import DEV_PARTS
from featurestore.normalization import NONE, SPEAKER
from featurestore.plugin_errors import explain_errors
from featurestore.prediction.bundle import FILE, INSTEAD, NO_BUNDLE
from featurestore.prediction.save_bundle import check_target, save
from featurestore.spec import parse_feature
from featurestore.storage.json_files import find_object

Say = Callable[[str], None]


def fit_and_save(
    store: FeatureSource,
    *,
    head: str,
    params: Sequence[str],
    features: str | None,
    out: Path | None,
    say: Say = lambda line: None,
    **options: Any,
) -> FittedHead:
    """Fit a head as `cli fit-head` does, and write its bundle to `out`, by default `STORE/bundles/HEAD`.

    The default of a regressor is `STORE/bundles/HEAD-TARGETS`, such as `ridge-valence-activation`.

    Features that are normalized per speaker give no bundle, and an earlier bundle is kept.

    Args:
        store: features of one corpus.
        head: its registry name.
        params: `NAME=VALUE` texts.
        features: comma-separated.
        out: the bundle's folder.
        say: receives lines for the user.
        options: other arguments of `fit_head`.

    Raises:
        BadValue: `out` is given for features normalized per speaker or cannot be written to, or `features` is empty.
        Problem: as `fit_head`, `parse_params` and `featurestore.prediction.save_bundle.save` raise.
    """
    chosen = None if features is None else _split_features(store, features)
    targets = options.get("targets", ())
    kind = name_kind(targets)
    folder = out or store.path / "bundles" / "-".join([head, *targets])
    bundled = options.get("normalize") != SPEAKER
    if out and not bundled:
        raise BadValue(f"no bundle can be written to {out}: {NO_BUNDLE}", do=INSTEAD)
    if bundled:
        check_target(folder)
    fitted = fit_head(store, head=head, params=parse_params(head, params, kind), features=chosen, say=say, **options)
    if not bundled:
        return fitted
    before = find_object(folder / FILE)
    with explain_errors(kind, head, "save_weights"):
        save(fitted.bundle, folder)
    if before:
        say(f"replaced the bundle in {folder}: {_describe_bundle(before)}")
    return dataclasses.replace(fitted, path=folder)


def fit_head(
    store: FeatureSource,
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
    inner_folds: int = DEV_PARTS,
    stream: str = AUTO,
    missing: str = DROP,
    modality_dropout: float = DROPOUT,
    train_on: str = LABELS,
    agreement: float | None = None,
    targets: Sequence[str] = (),
    say: Say = lambda line: None,
) -> FittedHead:
    """Fit a head on each fold's training part and measure it on its test part.

    The runs are those of a benchmark of this head only. With one fold, the bundle holds the head fitted on its training
    part. With several folds, it holds a head fitted on everything, which is not the one that was measured. If encoders
    are fine-tuned per fold, or features are normalized per speaker, it holds the head of the first fold. The latter
    cannot be saved.

    Args:
        store: features of one corpus.
        head: its registry name.
        params: constructor arguments that differ from the defaults.
        features: by default `store.default_features()`.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        fold: fit and measure only this fold.
        seed: of the protocol and, unless `params` has a `random_state`, of the head.
        logits: which encoders give the logits of utterances that an encoder was fine-tuned on
            (`benchmarks.evaluation.fold_features.resolve`).
        normalize: `none`, `global` or `speaker` (`featurestore.normalization`).
        allow_leakage: measure on utterances that an encoder was fine-tuned on, and mark these figures.
        allow_degenerate: normalize per speaker although most test utterances are of speakers of one class.
        search: how many settings to draw and try on inner folds of training, and of everything for the bundle; 0 for
            no search. The test part is not used.
        inner_folds: how many inner folds take turns as dev, at most.
        stream: whether rows are read in batches: `auto`, where the matrix is large for the memory; `always`; `never`.
        missing: what is done with utterances that lack a modality: `drop`, `mask` or `both-trained`
            (`benchmarks.evaluation.missing_policy`). Unless they are dropped, the test parts are also predicted with a
            modality hidden.
        modality_dropout: of `both-trained`, the part of the complete training utterances that loses one modality.
        train_on: `labels`, or `votes`: the distribution of the raters' votes, by a head that can.
        agreement: use only utterances whose most voted class has more than this share of the raters; None for all.
        targets: columns whose values are predicted, by a regressor (`value_targets.DIMENSIONS`); none for classes.
        say: receives lines for the user.

    Raises:
        UnknownName: the head, a setting, feature, label scheme, protocol or fold is unknown.
        BadValue: the head cannot use a setting, the normalization is unknown, or no modality can be masked.
        Mismatch: the scheme does not know a label, the protocol cannot split the corpus, normalization per speaker
            would remove the class, or no inner fold can be split from training.
        Leakage: an encoder was fine-tuned on test utterances.
    """
    config = BenchmarkConfig(
        heads=(head,),
        features=(name_features(map(parse_feature, features)),) if features else (),
        labels=labels,
        protocol=protocol,
        fold=fold,
        split_seed=seed,
        seeds=(seed,),
        normalize=(normalize,),
        logits=(logits,),
        params={head: params or {}},
        search=_limit_search(head, params or {}, search, name_kind(targets), say),
        inner_folds=inner_folds,
        stream=stream,
        missing=(missing,),
        modality_dropout=modality_dropout,
        train_on=(train_on,),
        agreement=agreement,
        allow_leakage=allow_leakage,
        allow_degenerate=allow_degenerate,
        target=tuple(targets),
    )
    planned, hidden = separate_hidden(plan(store, config, say))
    # before the fits, so that a split that fails does so at once
    everything = None if _bundles_first_fold(planned.specs) else _specify_everything(planned)
    results = _run_folds(planned, hidden, say)
    final = results[0] if everything is None else _fit_everything(store, everything, say)
    return summarize(planned, results, final, planned.folds[0].name if everything is None else None, hidden)


def _describe_bundle(saved: Mapping[str, Any]) -> str:
    features = ", ".join(saved.get("features", ())) or "transcripts"
    return f"head {saved.get('head_name')} on {features}, by protocol {saved.get('protocol')}"


def _split_features(store: FeatureSource, features: str) -> list[str]:
    found = [feature.strip() for feature in features.split(",") if feature.strip()]
    if not found:
        raise BadValue("--features is empty", do="name features, or leave the option out for the default")
    for feature in found:
        if feature in READY:
            (filled, *_) = fill_feature_sets(store, parse_feature_sets(feature))
            raise BadValue(
                f"{feature!r} is a feature set of cli benchmark, and cli fit-head takes features",
                do=f"--features {','.join(map(str, filled.features))}",
            )
    check_features(store, found)
    return found


def _limit_search(head: str, params: Mapping[str, Any], search: int, kind: str, say: Say) -> int:
    """Return the number of draws, or 0 with a line for the user if every setting is given."""
    check_params(head, params, kind)
    if search:
        check_searchable(head, kind)
    if search and not search_space(head, params, kind):
        say(f"head {head} has no setting left to search: it is fitted without a search")
        return 0
    return search


def _bundles_first_fold(specs: Sequence[RunSpec]) -> bool:
    """Tell whether the bundle holds the head of the first fold and not one that is fitted on everything."""
    first = specs[0]
    return len(specs) == 1 or first.inputs.files != first.inputs.features or first.normalize == SPEAKER


def _specify_everything(planned: BenchmarkPlan) -> RunSpec:
    """Specify the run that trains on all utterances and has no test part."""
    config, first = planned.config, planned.specs[0]
    fold = planned.task.make_full_fold(planned.dropped, config.inner_folds if config.search else 0)
    # those of the first fold lack the utterances that it leaves out of training
    masked = first.missing is not None
    around = describe_surroundings(planned.task, fold, first.inputs, first.head, first.params, masked=masked)
    task = planned.task
    soft = None if first.distributions is None else task.votes.share_all(task.classes)
    return dataclasses.replace(
        first, fold=fold, classes=task.classes, ratings=task.ratings, surroundings=around, distributions=soft
    )


def _run_folds(planned: BenchmarkPlan, hidden: Sequence[HiddenModality], say: Say) -> list[RunResult]:
    """Fit and test every fold. Only the head of the bundle is returned from its process."""
    keep = _bundles_first_fold(planned.specs)
    tasks = [(planned.task.store, spec, hidden, keep and number == 0) for number, spec in enumerate(planned.specs)]
    results = []
    for (_, spec, *_), result in zip(tasks, run_each(_run_fold, tasks), strict=True):
        train, test = len(spec.training), len(spec.fold.test)
        how = ", rows read in batches" if result.streamed else ""
        say(f"fold {spec.fold.name}: fitted {spec.head} on {train} utterances, tested on {test}{how}")
        results.append(result)
    return results


def _run_fold(store: FeatureSource, spec: RunSpec, hidden: Sequence[HiddenModality], keep: bool) -> RunResult:
    result = execute(store, spec, (None, *hidden))
    return result if keep else dataclasses.replace(result, head=None)


def _fit_everything(store: FeatureSource, spec: RunSpec, say: Say) -> RunResult:
    say(f"fitting {spec.head} on all {len(spec.training)} utterances, for the bundle")
    with limit_threads(1):
        return execute(store, spec)

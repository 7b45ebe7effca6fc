"""Measure a fitted head on its test parts, check the figures as a benchmark does, and make the bundle."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from benchmarks import checks
from benchmarks.checks import FAILED, CheckResult
from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.evaluation.exposure_notes import note_exposures
from benchmarks.evaluation.guards import find_overlaps
from benchmarks.evaluation.head_settings import search_space
from benchmarks.evaluation.hidden_modality import HiddenModality
from benchmarks.evaluation.hyperparameter_search import SearchResult
from benchmarks.evaluation.run import RunResult
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.source import FeatureSource
from benchmarks.evaluation.task import Task
from benchmarks.fitting.detail_figures import VoteFigures
from benchmarks.fitting.held_out import HeldOut, HeldOutPrediction, gather_answers, list_held_out
from benchmarks.fitting.measure_hidden import HiddenResult, describe_masking, measure_hidden
from benchmarks.fitting.result import FittedHead, FoldResult
from benchmarks.fitting.value_result import FittedRegressor
from benchmarks.grid.plan import BenchmarkPlan
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.class_metrics import ClassFigures, estimate_class_metrics
from benchmarks.statistics.clusters import choose_clusters
from benchmarks.statistics.intervals import Interval, estimate_metrics
from benchmarks.statistics.measured import MeasuredAnswers
from benchmarks.statistics.metrics import align_columns
from benchmarks.statistics.rated_part import select_rated
from featurestore.manifest import keep_ids
from featurestore.prediction.bundle import Bundle, read_versions


@dataclass(frozen=True)
class FittedSystem:
    """The head as checks see it (`benchmarks.evaluation.evaluation.EvaluatedSystem`)."""

    name: str
    record: RunSpec
    pooled: tuple[MeasuredAnswers, ...]


def summarize(
    planned: BenchmarkPlan,
    results: Sequence[RunResult],
    final: RunResult,
    bundled_fold: str | None,
    hidden: Sequence[HiddenModality] = (),
) -> FittedHead:
    """Measure the runs of one head, check them, and make its bundle.

    Args:
        planned: of one head on one feature set.
        results: of its runs, fold by fold.
        final: the run whose head goes into the bundle.
        bundled_fold: the fold whose training part that head was fitted on; None if it was fitted on everything.
        hidden: the modality that each further answer of the runs does without.
    """
    task, specs = planned.task, planned.specs
    by_fold = [list_held_out(spec, result) for spec, result in zip(specs, results, strict=True)]
    predictions = tuple(chain(*by_fold))
    folds = tuple(
        _measure(task, spec, spec.fold.name, len(spec.training), rows, spec.leak)
        for spec, rows in zip(specs, by_fold, strict=True)
    )
    pooled = _measure(task, specs[0], "pooled", None, predictions, "; ".join(spec.leak for spec in specs if spec.leak))
    checked = _check(planned, predictions)
    without = measure_hidden(task, specs, results, hidden)
    return (FittedRegressor if task.targets else FittedHead)(
        bundle=_bundle(task, specs[0], final, bundled_fold, pooled, checked, without),
        folds=folds,
        pooled=pooled,
        predictions=predictions,
        left_out=task.count_left_out(),
        dropped=planned.dropped,
        logits=specs[0].logits,
        checks=checked,
        context=specs[0].context,
        searched=_summarize_search(planned, results, final) if planned.config.search else None,
        missing=specs[0].missing,
        hidden=without,
        lacking=planned.lacking,
        by_class=_measure_classes(task, predictions, pooled),
        votes=_measure_votes(task, specs, results, pooled.leak),
        train_on=specs[0].train_on,
        agreement=task.agreement,
    )


def _measure(task: Task, spec: RunSpec, name: str, train: int | None, rows: Sequence[HeldOut], leak: str) -> FoldResult:
    tested = {row.id for row in rows}
    clusters = choose_clusters(keep_ids(task.store.utterances, tested))
    answers, of_rows = gather_answers(rows, task.targets), clusters.for_ids(row.id for row in rows)
    found = estimate_metrics([answers], clusters=of_rows, seed=task.seed)
    metrics = {name: one for name, one in found.items() if isinstance(one, Interval)}
    classes = {row.truth for row in rows if isinstance(row, HeldOutPrediction)}
    exposure = "; ".join(note_exposures({file: task.store.describe(file) for file in spec.inputs.all_encoders}))
    return FoldResult(name, train, len(rows), metrics, clusters, len(classes), leak, exposure)


def _measure_classes(task: Task, rows: Sequence[HeldOut], pooled: FoldResult) -> ClassFigures:
    answers = gather_answers(rows, task.targets)
    if not isinstance(answers, Answers):
        return {}
    return estimate_class_metrics([answers], clusters=pooled.clusters.for_ids(row.id for row in rows), seed=task.seed)


def _measure_votes(task: Task, specs: Sequence[RunSpec], results: Sequence[RunResult], leak: str) -> VoteFigures | None:
    """Measure the probabilities of all folds against the votes, or return None where there are none."""
    classes = tuple(sorted(set(task.classes.values())))
    ids = [one for result in results for one in result.utterance_ids]
    part = select_rated(ids, task.votes.select(ids), classes, task.store.utterances)
    if part is None:
        return None
    known = [sorted({spec.classes[one] for one in spec.training}) for spec in specs]  # as a head orders its classes
    probabilities = np.concatenate(
        [
            align_columns(result.answers[0].probabilities, own, classes)
            for result, own in zip(results, known, strict=True)
            if result.answers
        ]
    )
    found = part.measure([part.score(probabilities, classes)])
    return VoteFigures(found, part.measure_raters(), part.measure_votes(), part.without, part.raters, leak)


def _check(planned: BenchmarkPlan, predictions: Sequence[HeldOut]) -> tuple[CheckResult, ...]:
    """Run the checks of a benchmark on the head."""
    spec, folds = planned.specs[0], planned.folds
    answers = gather_answers(sorted(predictions, key=lambda row: row.id), planned.task.targets)
    system = FittedSystem(f"{spec.head} on {', '.join(spec.features)}", spec, (answers,))
    kept = {one for fold in folds for one in (*fold.train, *fold.dev, *fold.test, *fold.unused)}
    utterances = keep_ids(planned.task.store.utterances, kept)
    return tuple(checks.run_checks(Evaluation(planned.describe_data(), folds, utterances, (system,))))


def _summarize_search(planned: BenchmarkPlan, results: Sequence[RunResult], final: RunResult) -> SearchResult:
    config, folds, first = planned.config, planned.folds, planned.specs[0]
    names = search_space(first.head, config.params[first.head], first.kind)
    overlaps = find_overlaps(planned.task.store, folds, planned.features[0].folds)
    seen = {fold.name: {*chain(*overlaps[fold.name].values())} for fold in folds}
    chosen = [{name: result.params[name] for name in names} for result in (*results, final)]
    return SearchResult(
        config.search,
        config.inner_folds,
        {fold.name: one for fold, one in zip(folds, chosen[:-1], strict=True)},
        chosen[-1],
        seen=any(seen[fold.name] & {*fold.dev, *chain(*fold.turns)} for fold in folds),
        metric=config.headline,
    )


def _bundle(
    task: Task,
    spec: RunSpec,
    final: RunResult,
    fold: str | None,
    pooled: FoldResult,
    checked: Sequence[CheckResult],
    without: Sequence[HiddenResult],
) -> Bundle:
    store, encoders = task.store, spec.inputs.encoders
    return Bundle(
        head=final.head,
        head_name=spec.head,
        params=final.params,
        features=spec.features,
        blocks=final.blocks,
        classes=() if task.targets else tuple(map(str, final.head.classes_)),
        labels=task.labels,
        corpus=store.corpus,
        protocol=task.protocol,
        seed=spec.seed,
        fold=fold,
        encoders={name: store.describe(file) for name, file in encoders.items()} | _describe_words(store, spec),
        trained_on={name: _count_and_hash(store.trained_on(file)) for name, file in encoders.items()},
        metrics=pooled.metrics_json(),
        versions=read_versions(),
        normalize=spec.normalize,
        scaling=final.scaling,
        train_on=spec.train_on,
        agreement=task.agreement.share if task.agreement else None,
        failed_checks={one.check: one.message for one in checked if one.outcome == FAILED},
        targets=task.targets,
        missing=describe_masking(spec.missing, final.head, without),
    )


def _describe_words(store: FeatureSource, spec: RunSpec) -> dict[str, dict[str, Any]]:
    """Describe the recognizer whose words a head reads without features, by the name of the transcript."""
    name = spec.inputs.words
    return {name: store.transcript(name).recognizer} if name else {}


def _count_and_hash(ids: Iterable[str]) -> dict[str, Any]:
    lines = sorted(ids)
    return {"count": len(lines), "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()}

"""Run one head on one fold: read its features, normalize, search settings, fit, and predict the test part.

`cli fit-head` and `cli benchmark` both make their runs here.
"""

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation.flaws import BEST_EPOCH, EpochChooser, run_all_epochs
from benchmarks.evaluation.head_features import construct
from benchmarks.evaluation.head_settings import default_params
from benchmarks.evaluation.hidden_modality import HiddenModality, count_lacking, hide
from benchmarks.evaluation.hyperparameter_search import search
from benchmarks.evaluation.missing_policy import wrap_kind
from benchmarks.evaluation.permutation_importance import ModalityFeatures, permute
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.sides import list_widths, read_sides
from benchmarks.evaluation.soft_labels import SoftLabels
from benchmarks.evaluation.source import FeatureSource
from benchmarks.evaluation.streaming import choose_streaming
from benchmarks.evaluation.value_predictions import predict_values, stack_ratings
from benchmarks.evaluation.value_targets import HEADS
from featurestore import registry
from featurestore.errors import BadValue, Unavailable
from featurestore.head_inputs import give, list_taken
from featurestore.masked_heads import read_params
from featurestore.normalization import Scaling
from featurestore.plugin_errors import explain_errors
from heads import Inputs

TestChange = ModalityFeatures | HiddenModality  # a modality that is permuted, or hidden, in the test part


@dataclass(frozen=True)
class ClassPredictions:
    """The predicted class of each utterance (M,), and the probabilities in the order of `head.classes_` (M, C).

    `lacking` counts the utterances by the modality that they were predicted without, where any may lack one.
    """

    prediction: tuple[str, ...]
    probabilities: np.ndarray
    lacking: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    Args:
        head: fitted.
        blocks: width of each feature.
        scaling: of the rows, where they are normalized over the training part.
        utterance_ids: of the test part, sorted (M,).
        answers: for each of the changes, in order; empty if nothing is tested, or values are predicted.
        params: the settings that were used, all of them.
        seconds: `tune` (the search), `fit` and `predict`, the last of the unchanged test part.
        peak_mb: the peak memory of the process during the run, including what it had loaded before.
        epoch: the one that was chosen on the test part, counted from 1; 0 of a run without this flaw.
        streamed: whether rows were read in batches, and the matrix was never in memory.
        values: the predicted values (M, T) for each of the permutations, in place of `answers`.
    """

    head: Any
    blocks: Mapping[str, int]
    scaling: Scaling | None
    utterance_ids: tuple[str, ...]
    answers: tuple[ClassPredictions, ...]
    params: Mapping[str, Any]
    seconds: Mapping[str, float]
    peak_mb: float
    epoch: int = 0
    streamed: bool = False
    values: tuple[np.ndarray, ...] = ()


def execute(store: FeatureSource, spec: RunSpec, changes: Sequence[TestChange | None] = (None,)) -> RunResult:
    """Fit once, and predict the test part once for each change of it.

    Under the flaw `best epoch on test`, the test part is predicted after each epoch, within the seconds to fit, and the
    answers are those of the best epoch.

    Args:
        store: the features.
        spec: what to fit on what; its own `permuted` and `hidden` are ignored.
        changes: for each answer the modality that is permuted or hidden, None for the unchanged test part.

    Raises:
        BadValue: the head cannot use a setting.
        Unavailable: the head is a plug-in that fails, predicts no probabilities of the classes, or needs a matrix in
            memory that does not fit.
    """
    _reset_peak()
    kind = wrap_kind(registry.load(spec.kind, spec.head), spec.missing, spec.seed)
    test_ids = tuple(sorted(spec.fold.test))
    unfitted = construct(spec.head, spec.params, spec.kind)
    streamed = choose_streaming(store, spec, unfitted)
    train, test, scaling = read_sides(store, spec, list_taken(unfitted), streamed=streamed)
    y = _list_truth(spec, spec.training)
    started = time.perf_counter()
    soft = None if spec.distributions is None else SoftLabels.build(spec.distributions, spec.training, y)
    params = choose_params(kind, spec, train, y, soft)
    searched = time.perf_counter()
    chooser = _make_chooser(spec, test) if test and spec.flaw == BEST_EPOCH else None
    params = run_all_epochs(params, default_params(spec.head)) if chooser else params
    head = fit(spec.head, kind(**params), train, y, chooser, soft, kind=spec.kind)
    fitted = time.perf_counter()
    plain: Any = _predict(spec, head, test) if test else None
    ended = time.perf_counter()
    seconds = {"tune": searched - started, "fit": fitted - searched, "predict": ended - fitted}
    peak_mb = _peak_mb()
    if chooser:
        chooser.check()
        plain = chooser.probabilities
    predicted = [_answer(spec, head, test, change, plain) for change in changes] if test else []
    return RunResult(
        head,
        list_widths(train),
        scaling,
        test_ids,
        () if spec.targets else tuple(predicted),
        read_params(head),
        seconds,
        peak_mb,
        epoch=chooser.epoch if chooser else 0,
        streamed=streamed,
        values=tuple(predicted) if spec.targets else (),
    )


def _answer(spec: RunSpec, head: Any, test: Inputs, change: TestChange | None, plain: np.ndarray) -> Any:
    """Predict the changed test part, or name the classes of `plain`, which is predicted of the unchanged one."""
    found, shown = plain, test
    if change:
        apply: Callable[..., Inputs] = hide if isinstance(change, HiddenModality) else permute
        shown = apply(test, change, sorted(spec.fold.test), spec.fold.name, spec.seed)
        found = _predict(spec, head, shown)
    if spec.targets:
        return found
    return _name_classes(head, found, count_lacking(shown) if spec.missing else {})


def choose_params(kind: Any, spec: RunSpec, inputs: Inputs, y: Any, soft: SoftLabels | None = None) -> dict[str, Any]:
    """Choose the settings of a run on its inner folds, or return the given ones if it has no search.

    Args:
        kind: the head's class.
        spec: its test part is not used.
        inputs: with the utterances of `spec.training` as targets.
        y: their classes (N,), or values (N, T).
        soft: distributions to learn in place of y, or None.

    Raises:
        BadValue: the head cannot use a setting.
    """
    if not spec.search:
        return dict(spec.params)
    inner_folds = enumerate((spec.fold.dev, *spec.fold.turns))
    part = {utterance_id: number for number, ids in inner_folds for utterance_id in ids}
    parts = [part.get(utterance_id, -1) for utterance_id in spec.training]
    with explain_errors(spec.kind, spec.head, "a search"):
        try:
            return search(
                kind, dict(spec.params), inputs, y, parts, spec.search, spec.seed, spec.metric, soft, spec.targets
            )
        except ValueError as error:
            raise BadValue(f"head {spec.head}: {error}", do="give another value by --param") from error


def fit(
    head: str,
    estimator: Any,
    inputs: Inputs,
    y: Any,
    after_epoch: Callable[[Any], object] | None = None,
    soft: SoftLabels | None = None,
    *,
    kind: str = HEADS,
) -> Any:
    """Fit a head and return it.

    Args:
        head: its registry name.
        estimator: unfitted.
        inputs: what to learn from (N targets).
        y: their classes (N,), or values (N, T) for a regressor.
        after_epoch: receives the head after each epoch; only for a head that learns in epochs.
        soft: distributions to learn in place of y, or None; only for a head with `SOFT_LABELS`.
        kind: of the head in the registry: `heads` or `regressors`.

    Raises:
        BadValue: the head cannot use a setting, or there is only one class.
        Unavailable: the head is a plug-in, and fails.
    """
    with explain_errors(kind, head, "fit"):
        try:
            options: dict[str, Any] = {"after_epoch": after_epoch} if after_epoch else {}
            options |= {"distributions": soft.shares} if soft else {}
            return estimator.fit(give(estimator, inputs), y, **options)
        except ValueError as error:
            one_class = kind == HEADS and len(set(y)) < 2
            do = "choose other --labels, another --protocol or --fold" if one_class else "give another value by --param"
            raise BadValue(f"head {head}: {error}", do=do) from error


def predict_proba(head: str, estimator: Any, inputs: Inputs) -> np.ndarray:
    """Predict the probabilities of M targets, and check them: (M, C), rows sum to 1.

    Args:
        head: its registry name.
        estimator: fitted.
        inputs: what to predict.

    Raises:
        Unavailable: the head fails, or returns something else.
    """
    with explain_errors("heads", head, "predict_proba"):
        found = np.asarray(estimator.predict_proba(give(estimator, inputs)))
    expected = (len(inputs), len(estimator.classes_))
    is_table = found.shape == expected and found.dtype.kind == "f"
    if is_table and (found >= 0).all() and np.allclose(found.sum(axis=1), 1, atol=1e-3):
        return found
    plugin = registry.describe_source("heads", head)
    got = f"rows that sum to {found.sum(axis=1).min():.3g} or more, values from {found.min():.3g}" if is_table else ""
    raise Unavailable(
        f"{registry.describe_origin('heads', head) if plugin else f'head {head}'}: predict_proba returned "
        f"{'no probabilities' if is_table else f'shape {found.shape} of {found.dtype}'}",
        expected=f"shape {expected}, rows summing to 1",
        got=got,
        do="correct the plug-in, then run the same command again" if plugin else "give other settings by --param",
    )


def _list_truth(spec: RunSpec, ids: Sequence[str]) -> Any:
    """List the classes (N,) of some utterances, or stack their values (N, T)."""
    return stack_ratings(spec.ratings, ids) if spec.targets else [spec.classes[one] for one in ids]


def _predict(spec: RunSpec, head: Any, inputs: Inputs) -> np.ndarray:
    """Predict probabilities (M, C), or values (M, T)."""
    if spec.targets:
        return predict_values(spec.head, head, inputs, spec.targets)
    return predict_proba(spec.head, head, inputs)


def _name_classes(head: Any, probabilities: np.ndarray, lacking: Mapping[str, int]) -> ClassPredictions:
    return ClassPredictions(tuple(map(str, head.classes_[probabilities.argmax(1)])), probabilities, lacking)


def _make_chooser(spec: RunSpec, test: Inputs) -> EpochChooser:
    truth = [spec.classes[utterance_id] for utterance_id in sorted(spec.fold.test)]
    return EpochChooser(spec.head, lambda estimator: predict_proba(spec.head, estimator, test), truth)


def _reset_peak() -> None:
    with suppress(OSError):  # Linux only; elsewhere the peak is that of the process since its start
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)

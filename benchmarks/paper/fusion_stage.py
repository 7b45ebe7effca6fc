"""Run stage three: train the paper's fusion network on frozen features, and other heads for comparison."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from benchmarks.compare import compare
from benchmarks.evaluation.guards import check_leakage
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.paper.paper_plan import MODALITIES, PaperPlan
from benchmarks.paper.stage_result import Say, StageResult, reuse_or_make
from benchmarks.paper.store_rows import StoreRows
from benchmarks.statistics.formatting import format_percent
from featurestore.engines.threads import limit_threads
from featurestore.folds import fold as folding
from featurestore.folds.fold import Fold
from featurestore.spec import parse_feature

HEADS = ("mlp", "svm", "xgb")
MODALITY = {"text": "text only", "audio": "audio only", "both": "text + audio"}  # title by feature set
WIDE = 2**16  # columns from which several threads speed up a training step
_POINTS = 10  # kept of an epoch's curves


def train_fusion(plan: PaperPlan, out: Path, say: Say) -> StageResult:
    """Train the paper's fusion network, or read it from a file that was made from the same inputs.

    Args:
        plan: of the run.
        out: the file.
        say: receives lines for the user.

    Raises:
        Leakage: an encoder was fine-tuned on test turns of the fusion, and the split is not the published one.
    """
    fold = _fold_with_features(plan)
    leak = _check_leakage(plan, fold, plan.fusion_features())
    request = {**_describe_inputs(plan, fold), "params": plan.fusion_params()}
    found = reuse_or_make(out, request, lambda: _train(plan, fold, say), say)
    return StageResult("fusion", found["classes"], len(fold.train), len(fold.test), found["history"], leak)


def compare_heads(plan: PaperPlan, out: Path, say: Say) -> list[dict[str, Any]]:
    """Benchmark other heads on text, on audio and on both, and return the figures of each.

    Args:
        plan: of the run.
        out: folder of the benchmark and its report. Finished runs are reused.
        say: receives lines for the user.
    """
    feature_sets = _list_pooled_features(plan)
    config = BenchmarkConfig.parse(
        heads=("prior", *HEADS),
        features=",".join(f"{name}={'+'.join(features)}" for name, features in feature_sets.items()),
        labels=plan.scheme("fusion").name,
        protocol=plan.protocol,
        allow_leakage=plan.switches.sequential_split,
    )
    found, _ = compare(plan.store.path, config, out, say=say)
    rows = {(row["feature_set"], row["head"]): row for row in found["leaderboard"]}
    return [
        {
            "modality": MODALITY[name],
            "head": head,
            "features": rows[name, head]["features"],
            "metrics": rows[name, head]["metrics"],
            "leak": rows[name, head]["leak"],
        }
        for name in feature_sets
        for head in HEADS
    ]


def _train(plan: PaperPlan, fold: Fold, say: Say) -> dict[str, Any]:
    from benchmarks.paper.paper_head import PaperMLP  # loads torch

    classes = plan.scheme("fusion").apply(plan.store.utterances)
    truth = np.array([classes[utterance_id] for utterance_id in fold.test])
    X, X_test = (StoreRows(plan.store, plan.fusion_features(), ids) for ids in (fold.train, fold.test))
    head = PaperMLP(**plan.fusion_params())
    history: list[dict[str, Any]] = []

    def measure(fitted: Any) -> None:
        measured = {**_training_figures(fitted, len(fold.train)), **_test_figures(fitted, X_test, truth)}
        history.append(measured)
        figures = f"loss {measured['loss']:.3f}, test accuracy {format_percent(measured['accuracy'])} %"
        say(f"  epoch {measured['epoch']} of {head.epochs}: {figures} (n = {len(truth)})")

    say(f"fusion: {X.shape[0]} training turns of {X.shape[1]:,} columns, {len(truth)} test turns …")
    y = [classes[utterance_id] for utterance_id in fold.train]
    if X.shape[1] >= WIDE:
        head.fit(X, y, after_epoch=measure)
    else:
        with limit_threads(1):
            head.fit(X, y, after_epoch=measure)
    return {"classes": head.classes_.tolist(), "history": history}


def _training_figures(head: Any, rows: int) -> dict[str, Any]:
    """Return loss and accuracy on the training part: means over the epoch, and the curve along it."""
    last = head.history_[-1]
    count = math.ceil(rows / head.batch_size)
    steps = head.steps_[-count:]  # (S, 2)
    runs = [run.mean(axis=0) for run in np.array_split(steps, min(_POINTS, len(steps)))]
    curves = {name: [round(float(run[column]), 5) for run in runs] for column, name in enumerate(("loss", "accuracy"))}
    return {"epoch": last["epoch"], "loss": last["loss"], "training_accuracy": last["accuracy"], "steps": curves}


def _test_figures(head: Any, rows: StoreRows, truth: Any) -> dict[str, Any]:
    probabilities = head.predict_proba(rows)  # (N, C)
    true, predicted = np.searchsorted(head.classes_, truth), probabilities.argmax(axis=1)
    likely = np.maximum(probabilities[np.arange(len(true)), true], np.finfo(float).tiny)
    return {
        "held_out_loss": float(-np.log(likely).mean()),
        "accuracy": float((true == predicted).mean()),
        "confusion": confusion_matrix(true, predicted, labels=list(range(len(head.classes_)))).tolist(),
    }


def _list_pooled_features(plan: PaperPlan) -> dict[str, list[str]]:
    """Return pooled features by modality: only the paper's network reads 131,360 columns of frames."""
    text, audio = (plan.encoder(modality) for modality in MODALITIES)
    of_text, of_audio = [f"{text}.cls", f"{text}.logits"], [f"{audio}.mean", f"{audio}.logits"]
    return {"text": of_text, "audio": of_audio, "both": of_text + of_audio}


def _fold_with_features(plan: PaperPlan) -> Fold:
    """Return the fusion's fold, of the turns that both encoders could encode."""
    classes = plan.scheme("fusion").apply(plan.store.utterances)
    return folding.restrict(plan.fold("fusion"), plan.store.available(plan.fusion_features()), classes)


def _check_leakage(plan: PaperPlan, fold: Fold, features: Sequence[str]) -> str:
    """Return which encoder was fine-tuned on test turns. Only the published split may have one."""
    encoders = dict.fromkeys(parse_feature(feature).encoder for feature in features)
    seen = {name: plan.store.exposure(name).known for name in encoders}
    return check_leakage([fold], {fold.name: seen}, allow=plan.switches.sequential_split).get(fold.name, "")


def _describe_inputs(plan: PaperPlan, fold: Fold) -> dict[str, Any]:
    """Return the inputs of the fusion without its settings: the features' digests, the fold and the classes."""
    headers = {name: plan.store.file(name).header for name in map(plan.encoder, MODALITIES)}
    return {
        "features": plan.fusion_features(),
        "digests": {name: dict(header.digests) for name, header in headers.items()},
        "manifest": plan.store.manifest_digest,
        "labels": plan.scheme("fusion").name,
        "train": fold.train,
        "test": fold.test,
    }

"""The last stage: the paper's network on the frozen features of both encoders, and what the paper did not try."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation import leakage
from benchmarks.grid.asked import Asked
from benchmarks.grid.compare import compare
from benchmarks.paper.plan import MODALITIES, Plan
from benchmarks.paper.rows import StoreRows
from benchmarks.paper.stage import Say, Stage, reused
from benchmarks.statistics.formatting import percent
from featurestore.engines.parallel import threads
from featurestore.folds import fold as cuts
from featurestore.folds.fold import Fold
from featurestore.spec import parse_feature

HEADS = ("mlp", "svm", "xgb")
MODALITY = {"text": "text only", "audio": "audio only", "both": "text + audio"}  # of a feature set, in words
WIDE = 2**16  # columns from which a training step is worth more than one thread
_POINTS = 10  # of an epoch's curves that are kept


def fused(plan: Plan, out: Path, say: Say) -> Stage:
    """Trains the paper's fusion network; from the file `out` where nothing that shapes it has changed.

    Raises:
        Leakage: an encoder was tuned on turns that the fusion is tested on, and the split is not the published one.
    """
    fold = _present(plan)
    leak = _leak(plan, fold, plan.fusion_features())
    found = reused(out, {**_request(plan, fold), "params": plan.fusion_params()}, lambda: _train(plan, fold, say), say)
    return Stage("fusion", found["classes"], len(fold.train), len(fold.test), found["history"], leak)


def others(plan: Plan, out: Path, say: Say) -> list[dict[str, Any]]:
    """Heads on the text's features, on the audio's and on both, by a benchmark in the folder `out`, where its report
    lies too; one line of figures each, whatever is there already reused."""
    pooled = _pooled(plan)
    asked = Asked(
        heads=("prior", *HEADS),
        features=",".join(f"{name}={'+'.join(features)}" for name, features in pooled.items()),
        labels=plan.scheme("fusion").name,
        protocol=plan.protocol,
        allow_leakage=plan.switches.sequential_split,
    )
    found, _ = compare(plan.store.path, asked, out, say=say)
    rows = {(row["feature_set"], row["head"]): row for row in found["leaderboard"]}
    kept = ("head", "features", "metrics", "leak")
    return [
        {"modality": MODALITY[name]} | {key: rows[name, head][key] for key in kept} for name in pooled for head in HEADS
    ]


def _train(plan: Plan, fold: Fold, say: Say) -> dict[str, Any]:
    from benchmarks.paper.paper_head import PaperMLP  # loads torch

    classes = plan.scheme("fusion").apply(plan.store.utterances)
    truth = np.array([classes[name] for name in fold.test])
    X, held_out = (StoreRows(plan.store, plan.fusion_features(), ids) for ids in (fold.train, fold.test))
    head = PaperMLP(**plan.fusion_params())
    history: list[dict[str, Any]] = []

    def measure(fitted: Any) -> None:
        measured = {**_training(fitted, len(fold.train)), **_held_out(fitted, held_out, truth)}
        history.append(measured)
        figures = f"loss {measured['loss']:.3f}, held out: accuracy {percent(measured['accuracy'])} %"
        say(f"  epoch {measured['epoch']} of {head.epochs}: {figures} (n = {len(truth)})")

    say(f"fusion, {X.shape[0]} turns of {X.shape[1]:,} numbers to learn, {len(truth)} held out …")
    y = [classes[name] for name in fold.train]
    if X.shape[1] >= WIDE:
        head.fit(X, y, after_epoch=measure)
    else:
        with threads(1):
            head.fit(X, y, after_epoch=measure)
    return {"classes": head.classes_.tolist(), "history": history}


def _training(head: Any, rows: int) -> dict[str, Any]:
    """The training part of an epoch's line: means over the epoch, and the curve along it."""
    last = head.history_[-1]
    count = math.ceil(rows / head.batch_size)
    steps = head.steps_[-count:]  # (S, 2)
    runs = [run.mean(axis=0) for run in np.array_split(steps, min(_POINTS, len(steps)))]
    curves = {name: [round(float(run[column]), 5) for run in runs] for column, name in enumerate(("loss", "accuracy"))}
    return {"epoch": last["epoch"], "loss": last["loss"], "training_accuracy": last["accuracy"], "steps": curves}


def _held_out(head: Any, rows: StoreRows, truth: Any) -> dict[str, Any]:
    probabilities = head.predict_proba(rows)  # (N, C)
    true, predicted = np.searchsorted(head.classes_, truth), probabilities.argmax(axis=1)
    confusion = np.zeros((len(head.classes_),) * 2, np.int64)
    np.add.at(confusion, (true, predicted), 1)
    likely = np.maximum(probabilities[np.arange(len(true)), true], np.finfo(float).tiny)
    return {
        "held_out_loss": float(-np.log(likely).mean()),
        "accuracy": float((true == predicted).mean()),
        "confusion": confusion.tolist(),
    }


def _pooled(plan: Plan) -> dict[str, list[str]]:
    """The same encoders' features with the frames as their mean: no head but the network reads 131,360 columns."""
    text, audio = (plan.encoder(modality) for modality in MODALITIES)
    words, voice = [f"{text}.cls", f"{text}.logits"], [f"{audio}.mean", f"{audio}.logits"]
    return {"text": words, "audio": voice, "both": words + voice}


def _present(plan: Plan) -> Fold:
    """The fusion's cut, of the turns that both encoders could encode."""
    classes = plan.scheme("fusion").apply(plan.store.utterances)
    return cuts.restrict(plan.fold("fusion"), plan.store.available(plan.fusion_features()), classes)


def _leak(plan: Plan, fold: Fold, features: Sequence[str]) -> str:
    """Which encoder has seen test turns; refused unless the split is the published one, whose cuts do not agree."""
    encoders = dict.fromkeys(parse_feature(feature).encoder for feature in features)
    seen = {name: plan.store.exposure(name).known for name in encoders}
    return leakage.check([fold], {fold.name: seen}, allow=plan.switches.sequential_split).get(fold.name, "")


def _request(plan: Plan, fold: Fold) -> dict[str, Any]:
    """What shapes a head's figures beside its own settings: the features' bytes, the cut and the classes."""
    headers = {name: plan.store.file(name).header for name in map(plan.encoder, MODALITIES)}
    return {
        "features": plan.fusion_features(),
        "digests": {name: dict(header.digests) for name, header in headers.items()},
        "manifest": plan.store.manifest_digest,
        "labels": plan.scheme("fusion").name,
        "train": fold.train,
        "test": fold.test,
    }

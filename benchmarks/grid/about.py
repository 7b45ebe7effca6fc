"""What `benchmark.json` says of a benchmark: what was asked, of what data, on what machine, by which command."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from typing import Any

from benchmarks.evaluation.normalize import NOTES
from benchmarks.evaluation.source import Store
from benchmarks.evaluation.task import Task
from benchmarks.grid.plan import Plan, Variant
from featurestore import labels, registry
from featurestore.folds import fold as cuts
from featurestore.folds.fold import Fold
from featurestore.prediction.bundle import read_versions


def about(plan: Plan, command: str, machine: Mapping[str, Any]) -> dict[str, Any]:
    """All of it as plain JSON.

    Args:
        plan: the benchmark.
        command: that repeats it.
        machine: on which its runs were made (`benchmarks.grid.machine.describe`).
    """
    asked, task = plan.asked, plan.task
    return {
        "corpus": task.store.corpus,
        "manifest_sha256": task.store.manifest_digest,
        "labels": task.labels,
        "label_maps": task.label_maps,
        **data(task, plan.folds, plan.variants, plan.dropped),
        "protocol": task.protocol,
        "split_seed": task.seed,
        "folds_sha256": cuts.digest(plan.folds),
        "heads": list(asked.heads),
        "feature_sets": {variant.name: list(variant.inputs[0].features) for variant in plan.variants},
        "normalize": {way: NOTES[way] for way in asked.normalize},
        "seeds": list(asked.seeds),
        "tune": asked.search,
        "left_out": task.left_out(),
        "published": _published(task.store.corpus, task.labels),
        "command": command,
        "machine": dict(machine),
        "versions": read_versions(),
        "runs": [one.digest for one in plan.runs],
    }


def data(task: Task, folds: Sequence[Fold], variants: Sequence[Variant], dropped: Mapping[str, str]) -> dict[str, Any]:
    """What is known of the utterances in the folds, for checks: of a benchmark as of a single fit.

    Args:
        task: utterances with a class.
        folds: without utterances that lack a feature.
        variants: the feature sets.
        dropped: the utterances that lack a feature, and why.

    Returns:
        `classes` and `dropped` by id, `encoders` by feature file, and `same_clips`, groups of ids.
    """
    ids = dict.fromkeys(name for fold in folds for name in (*fold.train, *fold.dev, *fold.test))
    encoders = _encoders(task.store, folds, variants)
    return {
        "classes": {name: task.classes[name] for name in ids},
        "dropped": dict(dropped),
        "encoders": encoders,
        "same_clips": _same_clips(task.store, encoders, ids.keys()),
    }


def _published(corpus: str, scheme: str) -> list[dict[str, Any]]:
    """The figures of the corpus's card that were measured on the same classes."""
    if corpus not in registry.names("corpora"):
        return []
    return [asdict(one) for one in labels.card(corpus).published if one.labels == scheme]


def _encoders(store: Store, folds: Sequence[Fold], variants: Sequence[Variant]) -> dict[str, Any]:
    """Of every feature file its modality, how it was made, and on how many utterances of each fold it was tuned."""
    used: dict[str, dict[str, dict[str, int]]] = {}
    tested = {utterance_id for fold in folds for utterance_id in fold.test}
    for variant in variants:
        for fold, inputs in zip(folds, variant.inputs, strict=True):
            for name in inputs.every_encoder:
                saw = store.trained_on(name)
                parts = {"train": {*fold.train, *fold.dev}, "dev": fold.dev, "test": fold.test}
                counts = {part: len(saw.intersection(ids)) for part, ids in parts.items()}
                used.setdefault(name, {})[fold.name] = counts
    return {
        name: {
            "modality": store.modality(name),
            "made": store.describe(name),
            "tuned_on": by_fold,
            "suspects": sorted(tested.intersection(store.exposure(name).suspects)),
        }
        for name, by_fold in used.items()
    }


def _same_clips(store: Store, encoders: Iterable[str], ids: AbstractSet[str]) -> list[list[str]] | None:
    """Group the utterances whose clips hold the same samples under several ids; None where no samples are recorded."""
    groups: dict[str, list[str]] = {}
    for encoder in (name for name in encoders if store.modality(name) == "audio"):
        for name, content in store.contents(encoder).items():
            if name in ids and content:
                groups.setdefault(content, []).append(name)
    several = {tuple(group) for group in groups.values() if len(group) > 1}
    return [list(group) for group in sorted(several)] if groups else None

"""What `benchmark.json` says of a benchmark: what was asked, of what data, on what machine, by which command."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from typing import Any

from benchmarks.folds import fold as cuts
from benchmarks.folds.fold import Fold
from benchmarks.runs.normalize import NOTES
from benchmarks.runs.plan import Plan, Variant
from benchmarks.runs.source import Store
from featurestore import labels, registry
from featurestore.bundle import versions


def about(plan: Plan, command: str, machine: Mapping[str, Any]) -> dict[str, Any]:
    """All of it as plain JSON.

    Args:
        plan: the benchmark.
        command: that repeats it.
        machine: on which its runs were made (`benchmarks.machine.describe`).
    """
    asked, task = plan.asked, plan.task
    parts = [(*fold.train, *fold.dev, *fold.test) for fold in plan.folds]
    encoders = _encoders(task.store, plan.folds, plan.variants)
    return {
        "corpus": task.store.corpus,
        "manifest_sha256": task.store.manifest_digest,
        "labels": task.labels,
        "label_maps": task.label_maps,
        "classes": {name: task.classes[name] for ids in parts for name in ids},
        "protocol": task.protocol,
        "split_seed": task.seed,
        "folds_sha256": cuts.digest(plan.folds),
        "heads": list(asked.heads),
        "feature_sets": {variant.name: list(variant.inputs[0].features) for variant in plan.variants},
        "normalize": {way: NOTES[way] for way in asked.normalize},
        "seeds": list(asked.seeds),
        "tune": asked.search,
        "left_out": task.left_out(),
        "dropped": dict(plan.dropped),
        "encoders": encoders,
        "same_clips": _same_clips(task.store, encoders, {name for ids in parts for name in ids}),
        "published": _published(task.store.corpus, task.labels),
        "command": command,
        "machine": dict(machine),
        "versions": versions(),
        "runs": [one.digest for one in plan.runs],
    }


def _published(corpus: str, scheme: str) -> list[dict[str, Any]]:
    """The figures of the corpus's card that were measured on the same classes."""
    if corpus not in registry.names("corpora"):
        return []
    return [asdict(one) for one in labels.card(corpus).published if one.labels == scheme]


def _encoders(store: Store, folds: Sequence[Fold], variants: Sequence[Variant]) -> dict[str, Any]:
    """Of every feature file its modality, how it was made, and on how many utterances of each fold it was tuned."""
    used: dict[str, dict[str, dict[str, int]]] = {}
    for variant in variants:
        for fold, inputs in zip(folds, variant.inputs, strict=True):
            for name in inputs.every_encoder:
                saw = store.trained_on(name)
                parts = {"train": {*fold.train, *fold.dev}, "dev": fold.dev, "test": fold.test}
                counts = {part: len(saw.intersection(ids)) for part, ids in parts.items()}
                used.setdefault(name, {})[fold.name] = counts
    return {
        name: {"modality": store.modality(name), "made": store.describe(name), "tuned_on": by_fold}
        for name, by_fold in used.items()
    }


def _same_clips(store: Store, encoders: Iterable[str], ids: AbstractSet[str]) -> list[list[str]] | None:
    """Groups of utterances whose clips are the same bytes under several ids; None where no clip is known by a key."""
    groups: dict[str, list[str]] = {}
    for encoder in (name for name in encoders if store.modality(name) == "audio"):
        for name, key in store.keys(encoder).items():
            if name in ids:
                groups.setdefault(key, []).append(name)
    several = {tuple(group) for group in groups.values() if len(group) > 1}
    return [list(group) for group in sorted(several)] if groups else None

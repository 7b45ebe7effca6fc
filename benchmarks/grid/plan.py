"""The list of a benchmark's runs: heads x feature sets x folds x seeds, and their controls, each with its digest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.evaluation import leakage, one_class
from benchmarks.evaluation import run as single
from benchmarks.evaluation.controls import reduced, shuffles
from benchmarks.evaluation.feature_sets import feature_sets
from benchmarks.evaluation.inputs import Inputs, resolve, taken
from benchmarks.evaluation.normalize import NONE, SPEAKER
from benchmarks.evaluation.params import defaults
from benchmarks.evaluation.run import Run
from benchmarks.evaluation.search import limit_parts
from benchmarks.evaluation.source import Store
from benchmarks.evaluation.task import Task, task
from benchmarks.grid.asked import Asked, settings
from featurestore.errors import BadValue
from featurestore.folds.fold import Fold
from featurestore.prediction.bundle import read_versions


@dataclass(frozen=True)
class Variant:
    """A feature set with what each fold reads, and how its logits are taken in words."""

    name: str
    inputs: tuple[Inputs, ...]
    logits: str


@dataclass(frozen=True)
class Planned:
    """A run, its digest, that of the run whose fitted head it asks, and what is known of it before it runs."""

    digest: str
    fit: str
    run: Run
    variant: Variant
    leak: str
    drawn: bool


@dataclass(frozen=True)
class Plan:
    """A benchmark before it runs.

    Args:
        asked: what to compare.
        task: utterances with a class, as the protocol cuts them.
        folds: the same without utterances that lack a feature.
        variants: the feature sets.
        dropped: the utterances that lack a feature, and why.
        runs: all of them, controls and those that are done already included.
    """

    asked: Asked
    task: Task
    folds: tuple[Fold, ...]
    variants: tuple[Variant, ...]
    dropped: Mapping[str, str]
    runs: tuple[Planned, ...]


def plan(store: Store, asked: Asked, say: Callable[[str], None]) -> Plan:
    """Cuts, resolves the features, tells `say` what is left out, and lists every run.

    Raises:
        UnknownName, BadValue, Mismatch: as the parts raise.
        Mismatch: normalisation per speaker would take the class away (`benchmarks.evaluation.one_class.check`).
        Leakage: test utterances that an encoder was tuned on.
    """
    params = settings(asked)
    cut = task(
        store,
        labels=asked.labels,
        protocol=asked.protocol,
        seed=asked.split_seed,
        fold=asked.fold,
        dev=asked.search > 0,
    )
    variants = _variants(store, asked, cut.folds)
    _check_shuffle(store, asked, variants)
    dropped = cut.dropped([inputs for variant in variants for inputs in variant.inputs])
    for line in cut.missing_lines(dropped):
        say(line)
    folds = [_restricted(cut, fold, dropped, asked) for fold in cut.folds]
    speakers = {row.id: row.speaker for row in store.utterances}
    one_class.check(asked.normalize, folds, cut.classes, speakers, allow=asked.allow_degenerate)
    runs = _runs(asked, params, cut, folds, variants)
    return Plan(asked, cut, tuple(folds), tuple(variants), dropped, tuple(runs))


def _runs(
    asked: Asked,
    params: Mapping[str, Mapping[str, Any]],
    cut: Task,
    folds: Sequence[Fold],
    variants: Sequence[Variant],
) -> Iterator[Planned]:
    found, store = read_versions(), cut.store
    speakers = {row.id: row.speaker for row in store.utterances if row.id in cut.classes}
    for variant in variants:
        overlaps = leakage.overlaps(store, folds, variant.inputs)
        leaks = leakage.check(folds, overlaps, allow=asked.allow_leakage)
        for head in asked.heads:
            drawn = "random_state" in defaults(head)
            for normalize in asked.normalize:
                system = _system(head, variant, normalize)
                for share, seed in _shares_and_seeds(asked, drawn):
                    chosen = ({"random_state": seed} if drawn else {}) | dict(params[head])
                    for whole, inputs in zip(folds, variant.inputs, strict=True):
                        fold = whole if share == 1 else reduced(whole, share, cut.classes, seed)
                        inside = {name: cut.classes[name] for name in (*fold.train, *fold.dev, *fold.test)}
                        names = speakers if normalize == SPEAKER else {}
                        run = Run(head, chosen, inputs, fold, inside, normalize, names, asked.search, seed, share)
                        run = replace(run, system=system)
                        fit = single.digest(store, run, found)
                        plain = Planned(fit, fit, run, variant, leaks.get(fold.name, ""), drawn)
                        yield plain
                        for one in _shuffled(store, run, asked):
                            yield replace(plain, run=one, digest=single.digest(store, one, found))


def _restricted(cut: Task, fold: Fold, dropped: Mapping[str, str], asked: Asked) -> Fold:
    """Leave out what lacks a feature; keep as many parts to take turns as dev as were asked for."""
    left = cut.restricted(fold, dropped)
    return limit_parts(left, asked.search_parts) if asked.search else left


def _check_shuffle(store: Store, asked: Asked, variants: Sequence[Variant]) -> None:
    if asked.shuffle and not any(shuffles(store, variant.inputs[0].features) for variant in variants):
        raise BadValue(
            "there is nothing to shuffle: no feature set has both modalities",
            got=", ".join(variant.name for variant in variants),
            do="add --features both, or do without --shuffle",
        )


def _shares_and_seeds(asked: Asked, drawn: bool) -> Iterator[tuple[float, int]]:
    """Where neither the head nor the search draws, one seed is enough; but what is in a share is always drawn."""
    for share in (1.0, *sorted(asked.shares)):
        for seed in asked.seeds if drawn or asked.search or share < 1 else asked.seeds[:1]:
            yield share, seed


def _shuffled(store: Store, run: Run, asked: Asked) -> list[Run]:
    wanted = shuffles(store, run.inputs.features) if asked.shuffle and run.share == 1 else ()
    return [replace(run, shuffle=one) for one in wanted]


def _system(head: str, variant: Variant, normalize: str) -> str:
    extra = [f"normalised {'per speaker' if normalize == SPEAKER else 'globally'}"] if normalize != NONE else []
    extra += [f"{variant.logits} logits"] if variant.logits else []
    return ", ".join([f"{head} on {variant.name}", *extra])


def _variants(store: Store, asked: Asked, folds: Sequence[Fold]) -> list[Variant]:
    """Each feature set with each way of taking logits that makes a difference to it."""
    found: list[Variant] = []
    for name, features in feature_sets(store, asked.features).items():
        for way in asked.logits:
            inputs = tuple(resolve(store, features, folds, way))
            if inputs not in [variant.inputs for variant in found if variant.name == name]:
                found.append(Variant(name, inputs, taken(store, inputs, folds, way)))
    return found

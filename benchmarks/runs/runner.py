"""The benchmark: heads x feature sets x folds x seeds, one thread per process; finished runs are not repeated."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.folds.fold import Fold
from benchmarks.runs import leakage, predictions, results
from benchmarks.runs import run as single
from benchmarks.runs.feature_sets import feature_sets
from benchmarks.runs.inputs import CROSS_FITTED, Inputs, resolve
from benchmarks.runs.normalize import NONE, NOTES, SPEAKER, WAYS
from benchmarks.runs.parallel import each
from benchmarks.runs.params import check_params, defaults, parse_params
from benchmarks.runs.predictions import Card
from benchmarks.runs.run import Run
from benchmarks.runs.source import Store
from benchmarks.runs.task import Task, task
from benchmarks.statistics.intervals import Answers
from featurestore.bundle import versions
from featurestore.errors import BadValue
from featurestore.spec import parse_feature

Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What a benchmark compares, as a user asks for it.

    Args:
        heads: registry names.
        features: as `benchmarks.runs.feature_sets` reads them; None for every default feature.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        fold: this one alone.
        split_seed: of the cut, the same for all seeds, since encoders are tuned on one cut.
        seeds: of heads that draw; the others run once.
        normalize: `none`, `global`, `speaker`; several are compared.
        logits: how logits are taken (`benchmarks.runs.inputs.resolve`); several are compared.
        params: settings by head, `HEAD.NAME=VALUE` texts.
        tune: how many settings to try on dev; 0 takes them as they are.
        allow_leakage: run what leaks, and mark it.
    """

    heads: tuple[str, ...]
    features: str | None = None
    labels: str | None = None
    protocol: str = "holdout"
    fold: str | None = None
    split_seed: int = 0
    seeds: tuple[int, ...] = (0,)
    normalize: tuple[str, ...] = (NONE,)
    logits: tuple[str, ...] = (CROSS_FITTED,)
    params: tuple[str, ...] = ()
    tune: int = 0
    allow_leakage: bool = False


@dataclass(frozen=True)
class _Variant:
    """A feature set with what each fold reads, and how its logits are taken in words."""

    name: str
    inputs: tuple[Inputs, ...]
    logits: str


@dataclass(frozen=True)
class _Planned:
    """A run, its digest, and what is known of it before it runs."""

    digest: str
    run: Run
    system: str
    variant: _Variant
    leak: str
    drawn: bool


def benchmark(store: Store, asked: Asked, out: Path, *, say: Say = lambda line: None) -> list[str]:
    """Runs what is missing and writes what was asked into `out`; a summary is made from these files alone.

    Args:
        store: features of one corpus, or a pair of stores.
        asked: what to compare.
        out: the folder of the benchmark.
        say: receives lines for the user.

    Returns:
        The digests of all runs.

    Raises:
        UnknownName, BadValue, Mismatch: as the parts raise.
        Leakage: test utterances that an encoder was tuned on.
    """
    params = _params(asked)
    cut = task(
        store,
        labels=asked.labels,
        protocol=asked.protocol,
        seed=asked.split_seed,
        fold=asked.fold,
        dev=asked.tune > 0,
    )
    variants = _variants(store, asked, cut.folds)
    dropped = cut.dropped([inputs for variant in variants for inputs in variant.inputs])
    for line in cut.missing_lines(dropped):
        say(line)
    folds = [cut.restricted(fold, dropped) for fold in cut.folds]
    planned = list(_plan(asked, params, cut, folds, variants))
    about = _about(asked, cut, folds, variants, dropped, [one.digest for one in planned])
    kept = {name for fold in folds for part in (fold.train, fold.dev, fold.test, fold.unused) for name in part}
    results.write(out, about, folds, [row for row in store.utterances if row.id in kept])
    _execute(store, planned, asked.protocol, out / results.RUNS, say)
    return [one.digest for one in planned]


def _execute(store: Store, planned: Sequence[_Planned], protocol: str, folder: Path, say: Say) -> None:
    missing = [one for one in planned if not predictions.is_done(folder, one.digest)]
    say(f"{len(planned)} runs, {len(planned) - len(missing)} of them done already")
    if not missing:
        return
    for number, line in enumerate(each(_run_one, [(store, one, protocol, folder) for one in missing]), 1):
        say(f"{number}/{len(missing)} {line}")


def _run_one(store: Store, planned: _Planned, protocol: str, folder: Path) -> str:
    """Runs and writes; in a process of its own where there are several."""
    run = planned.run
    done = single.execute(store, run)
    truth = [run.classes[name] for name in done.ids]
    classes = tuple(map(str, done.head.classes_))
    card = Card(
        digest=planned.digest,
        system=planned.system,
        head=run.head,
        feature_set=planned.variant.name,
        features=run.inputs.features,
        files=tuple(run.inputs.all_files),
        logits=planned.variant.logits,
        normalize=run.normalize,
        protocol=protocol,
        fold=run.fold.name,
        seed=run.seed,
        drawn=planned.drawn,
        tune=run.tune,
        params={name: _plain(value) for name, value in done.params.items()},
        train=len(run.fold.train),
        dev=len(run.fold.dev),
        test=len(run.fold.test),
        leak=planned.leak,
        seconds=done.seconds,
        peak_mb=done.peak_mb,
        classes=classes,
    )
    predictions.write(folder, card, done.ids, Answers(truth, done.prediction, classes, done.probabilities))
    return f"{planned.system}, fold {run.fold.name}, seed {run.seed}: {done.seconds['fit']:.1f} s to fit"


def _plan(
    asked: Asked,
    params: Mapping[str, Mapping[str, Any]],
    cut: Task,
    folds: Sequence[Fold],
    variants: Sequence[_Variant],
) -> Iterator[_Planned]:
    found, store = versions(), cut.store
    speakers = {row.id: row.speaker for row in store.utterances if row.id in cut.classes}
    for variant in variants:
        seen = {fold.name: _trained_on(store, one) for fold, one in zip(folds, variant.inputs, strict=True)}
        leaks = leakage.check(folds, seen, allow=asked.allow_leakage)
        for head in asked.heads:
            drawn = "random_state" in defaults(head)
            for normalize in asked.normalize:
                system = _system(head, variant, normalize)
                for seed in asked.seeds if drawn or asked.tune else asked.seeds[:1]:
                    chosen = ({"random_state": seed} if drawn else {}) | dict(params[head])
                    for fold, inputs in zip(folds, variant.inputs, strict=True):
                        inside = {name: cut.classes[name] for name in (*fold.train, *fold.dev, *fold.test)}
                        names = speakers if normalize == SPEAKER else {}
                        run = Run(head, chosen, inputs, fold, inside, normalize, names, asked.tune, seed)
                        leak = leaks.get(fold.name, "")
                        yield _Planned(single.digest(store, run, found), run, system, variant, leak, drawn)


def _system(head: str, variant: _Variant, normalize: str) -> str:
    extra = [f"normalised {'per speaker' if normalize == SPEAKER else 'globally'}"] if normalize != NONE else []
    extra += [f"{variant.logits} logits"] if variant.logits else []
    return ", ".join([f"{head} on {variant.name}", *extra])


def _variants(store: Store, asked: Asked, folds: Sequence[Fold]) -> list[_Variant]:
    """Each feature set with each way of taking logits that makes a difference to it."""
    found: list[_Variant] = []
    for name, features in feature_sets(store, asked.features).items():
        for way in asked.logits:
            inputs = tuple(resolve(store, features, folds, way))
            if inputs not in [variant.inputs for variant in found if variant.name == name]:
                found.append(_Variant(name, inputs, _logits(store, inputs, folds, way)))
    return found


def _logits(store: Store, inputs: Sequence[Inputs], folds: Sequence[Fold], way: str) -> str:
    """How the logits of training utterances are taken; empty where no encoder was tuned on them."""
    if all(one.parts for one in inputs):
        return way
    files = [file for file in inputs[0].files if parse_feature(file).kind == "logits"]
    train = set(folds[0].train)
    saw = any(train & store.trained_on(parse_feature(file).encoder) for file in files)
    return "in-sample" if saw else ""


def _trained_on(store: Store, inputs: Inputs) -> dict[str, frozenset[str]]:
    return {name: store.trained_on(name) for name in inputs.every_encoder}


def _params(asked: Asked) -> dict[str, dict[str, Any]]:
    """The settings of each head.

    Raises:
        BadValue: a setting of a head that is not asked for, or a way of normalising that is not there.
    """
    strange = [way for way in asked.normalize if way not in WAYS]
    if strange:
        raise BadValue(f"{strange[0]!r} is no way to normalise", expected=", ".join(WAYS))
    texts: dict[str, list[str]] = {head: [] for head in asked.heads}
    for text in asked.params:
        head, _, rest = text.partition(".")
        if head not in texts:
            raise BadValue(
                f"{text!r} is no setting of a head here", expected=f"HEAD.NAME=VALUE, HEAD one of {', '.join(texts)}"
            )
        texts[head].append(rest)
    for head in asked.heads:
        check_params(head, [])
    return {head: parse_params(head, given) for head, given in texts.items()}


def _about(
    asked: Asked,
    cut: Task,
    folds: Sequence[Fold],
    variants: Sequence[_Variant],
    dropped: Mapping[str, str],
    runs: Sequence[str],
) -> dict[str, Any]:
    return {
        "corpus": cut.store.corpus,
        "labels": cut.labels,
        "classes": {name: cut.classes[name] for fold in folds for name in (*fold.train, *fold.dev, *fold.test)},
        "protocol": cut.protocol,
        "split_seed": cut.seed,
        "heads": list(asked.heads),
        "feature_sets": {variant.name: list(variant.inputs[0].features) for variant in variants},
        "normalize": {way: NOTES[way] for way in asked.normalize},
        "seeds": list(asked.seeds),
        "tune": asked.tune,
        "left_out": cut.left_out(),
        "dropped": dict(dropped),
        "encoders": _encoders(cut.store, folds, variants),
        "versions": versions(),
        "runs": list(runs),
    }


def _encoders(store: Store, folds: Sequence[Fold], variants: Sequence[_Variant]) -> dict[str, Any]:
    """Of every feature file how it was made, and on how many training and test utterances of each fold it was tuned."""
    used: dict[str, dict[str, dict[str, int]]] = {}
    for variant in variants:
        for fold, inputs in zip(folds, variant.inputs, strict=True):
            for name in inputs.every_encoder:
                saw = store.trained_on(name)
                counts = {"train": len(saw & {*fold.train, *fold.dev}), "test": len(saw & set(fold.test))}
                used.setdefault(name, {})[fold.name] = counts
    return {name: {"made": store.describe(name), "tuned_on": by_fold} for name, by_fold in used.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else str(value)

"""Plan the runs under protocol flaws: each system by flawed protocols, and with the epoch chosen on test."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product

from benchmarks.evaluation.feature_sets import FeatureSet
from benchmarks.evaluation.flaws import BEST_EPOCH, PROTOCOLS, learns_in_epochs
from benchmarks.evaluation.fold_features import CROSS_FITTED, IN_SAMPLE, MEAN, ResolvedFeatures, list_distinct, resolve
from benchmarks.evaluation.guards import check_leakage, check_speaker_normalization, find_overlaps
from benchmarks.evaluation.pair import Pair
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.task import Task, open_task
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.specs import list_fold_specs, name_system
from featurestore.errors import Leakage, Mismatch
from featurestore.folds.fold import Fold


@dataclass(frozen=True)
class FlawPlan:
    """The runs of a benchmark under protocol flaws; empty for a benchmark without them.

    Args:
        specs: all of them, each with its `flaw`.
        folds: those of each flawed protocol that is run.
        left_out: for each flaw that is not run, or not for every system, a line that says why.
    """

    specs: tuple[RunSpec, ...] = ()
    folds: Mapping[str, tuple[Fold, ...]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def plan_flaws(
    config: BenchmarkConfig,
    task: Task,
    folds: Sequence[Fold],
    by_head: Mapping[str, Sequence[ResolvedFeatures]],
    specs: Sequence[RunSpec],
) -> FlawPlan:
    """Plan every system of a benchmark under every flaw that the corpus allows.

    A flawed protocol splits the same utterances: those in the folds of the benchmark's own protocol. A system is left
    out where an encoder was fine-tuned on test utterances of the flawed folds, or fold by fold on those of the
    benchmark.

    Args:
        config: what is compared.
        task: the utterances, as the benchmark's own protocol splits them.
        folds: the same without utterances that lack a feature.
        by_head: the feature sets of each head.
        specs: the other runs of the benchmark.
    """
    found: list[RunSpec] = []
    folds_by_flaw: dict[str, tuple[Fold, ...]] = {}
    left_out: list[str] = []
    for flaw in PROTOCOLS:
        try:
            flawed = _open_flawed(config, task, folds, flaw)
        except Mismatch as problem:
            left_out.append(f"{flaw} is left out: {problem.what}")
            continue
        by_protocol, reasons = _list_protocol_specs(config, task, flawed, by_head)
        found += by_protocol
        folds_by_flaw |= {flaw: flawed.folds} if by_protocol else {}
        left_out += [f"{flaw} is left out for features {', '.join(names)}: {why}" for why, names in reasons.items()]
    found += _list_epoch_specs(specs)
    without = [head for head in dict.fromkeys(config.heads) if not learns_in_epochs(head)]
    left_out += [f"{BEST_EPOCH} is left out for {', '.join(without)}: no learning in epochs"] if without else []
    return FlawPlan(tuple(found), folds_by_flaw, tuple(left_out))


def _open_flawed(config: BenchmarkConfig, task: Task, folds: Sequence[Fold], flaw: str) -> Task:
    """Split the utterances of a benchmark by a flawed protocol.

    Raises:
        Mismatch: it is the benchmark's own protocol, or cannot split these utterances.
    """
    if flaw == config.protocol:
        raise Mismatch("it is the protocol of the benchmark itself")
    if isinstance(task.store, Pair):
        raise Mismatch("the benchmark trains on one corpus and tests on another")
    search = config.search > 0
    opened = open_task(
        task.store,
        labels=config.labels,
        protocol=flaw,
        seed=config.split_seed,
        dev=search,
        agreement=config.agreement,
    )
    kept = {one for fold in folds for one in (*fold.train, *fold.dev, *fold.test, *fold.unused)}
    dropped = dict.fromkeys(opened.classes.keys() - kept, "")
    restricted = opened.complete_folds(dropped, config.inner_folds if search else 0)
    check_speaker_normalization(
        config.normalize, restricted, opened.classes, opened.speakers, allow=config.allow_degenerate
    )
    return replace(opened, folds=tuple(restricted))


def _list_protocol_specs(
    config: BenchmarkConfig, task: Task, flawed: Task, by_head: Mapping[str, Sequence[ResolvedFeatures]]
) -> tuple[list[RunSpec], dict[str, list[str]]]:
    """List the runs of every system by a flawed protocol, and by reason the feature sets that are left out."""
    found: list[RunSpec] = []
    reasons: dict[str, list[str]] = {}
    without_sizes = replace(config, train_sizes=())
    for features in list_distinct(chain.from_iterable(by_head.values())):
        try:
            own = _resolve_flawed(task, flawed, features)
            overlaps = find_overlaps(flawed.store, flawed.folds, own.folds)
            leaks = check_leakage(flawed.folds, overlaps, allow=config.allow_leakage)
        except (Leakage, Mismatch) as problem:
            reasons.setdefault(problem.what, []).append(features.name)
            continue
        for head, normalize in product(config.heads, config.normalize):
            if features in by_head[head]:
                for spec in list_fold_specs(without_sizes, flawed, flawed.folds, own, head, normalize):
                    system = name_system(head, features, normalize, spec.train_on)
                    leak = leaks.get(spec.fold.name, "")
                    found.append(replace(spec, system=system, leak=leak, flaw=flawed.protocol))
    return found, reasons


def _resolve_flawed(task: Task, flawed: Task, features: ResolvedFeatures) -> ResolvedFeatures:
    """Find the files that the folds of a flawed protocol read.

    Raises:
        Mismatch: the benchmark reads encoders that were fine-tuned on its own folds and there are none for the flawed
            folds, or some utterances lack their features.
    """
    first = features.folds[0]
    logits = MEAN if first.mean else CROSS_FITTED if first.parts else IN_SAMPLE
    found = resolve(task.store, FeatureSet(features.name, first.features, words=first.words), flawed.folds, logits)
    own, of_flaw = ({name for name, file in one.encoders.items() if file != name} for one in (first, found.folds[0]))
    if lacking := own - of_flaw:
        raise Mismatch(f"{first.encoders[min(lacking)]} is fine-tuned on a fold of {task.protocol}")
    if other := of_flaw - own:
        name = min(other)
        raise Mismatch(f"it would read {found.folds[0].encoders[name]} where the benchmark reads {name}")
    ids = {one for fold in flawed.folds for one in (*fold.train, *fold.dev, *fold.test)}
    if missing := ids & flawed.find_missing([found]).keys():
        raise Mismatch(f"{len(missing)} utterances lack a feature of its folds")
    return found


def _list_epoch_specs(specs: Sequence[RunSpec]) -> Iterator[RunSpec]:
    """List the runs of the heads that learn in epochs again, each with the epoch chosen on test."""
    for spec in specs:
        if spec.train_size == 1 and not spec.permuted and learns_in_epochs(spec.head):
            yield replace(spec, flaw=BEST_EPOCH)

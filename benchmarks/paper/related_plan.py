"""Plan the benchmark of related work: each system is one head with its own settings on its own features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.evaluation.feature_sets import FeatureSet
from benchmarks.evaluation.fold_features import ResolvedFeatures, list_distinct, resolve
from benchmarks.evaluation.guards import check_leakage, find_overlaps
from benchmarks.evaluation.head_features import TRANSCRIPTS
from benchmarks.evaluation.head_settings import check_params, default_params
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.surroundings import describe_surroundings
from benchmarks.evaluation.task import Task, open_task
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import BenchmarkPlan
from benchmarks.grid.specs import list_fold_specs
from benchmarks.paper.paper_plan import MODALITIES, PaperPlan
from benchmarks.paper.related_work import RelatedSystem
from benchmarks.paper.stage_result import Say
from featurestore import registry
from featurestore.errors import Mismatch
from featurestore.normalization import NONE
from featurestore.spec import PAPER, parse_feature

SLOW = 500.0  # COST of a head from which it trains for fewer epochs on the demo
DEMO_EPOCHS = 5
BASELINE = RelatedSystem("most frequent class", "", None, "", "prior", {}, (f"{MODALITIES[0]}.cls",), "", "", "")


@dataclass(frozen=True)
class RelatedPlan:
    """The benchmark of related work before it runs.

    Args:
        benchmark: the runs of the baseline and of every system that can run here.
        obstacles: why a system cannot run here, by its name.
    """

    benchmark: BenchmarkPlan
    obstacles: Mapping[str, str]


def locate_encoder(plan: PaperPlan, encoder: str) -> str:
    """Return the feature file of an encoder of `related_work.json`: the paper's own, or a hand-made one's.

    Its `@paper` keeps it out of the store's default features.
    """
    return plan.encoder(encoder) if encoder in MODALITIES else f"{encoder}{PAPER}"


def shorten_training(plan: PaperPlan, system: RelatedSystem) -> RelatedSystem:
    """Give a slow head few epochs where both encoders are the demo's own: its figures say nothing about the system.

    All of related work would take several times as long as the paper's own models there.
    """
    if not system.head or not all(map(plan.is_own, MODALITIES)):
        return system
    is_slow = registry.load("heads", system.head).COST >= SLOW and "epochs" in default_params(system.head)
    return replace(system, params={"epochs": DEMO_EPOCHS, **system.params}) if is_slow else system


def plan_related_work(plan: PaperPlan, systems: Sequence[RelatedSystem], say: Say) -> RelatedPlan:
    """Plan one run of each system that has a head and features, with the labels and the fold of the fusion.

    Args:
        plan: of the paper.
        systems: of related work.
        say: receives lines about utterances that are left out.

    Raises:
        Leakage: an encoder was fine-tuned on test turns, and the split is not the published one.
    """
    labels, leaky = plan.scheme("fusion").name, plan.switches.sequential_split
    task = open_task(plan.store, labels=labels, protocol=plan.protocol)
    obstacles = {one.system: why for one in systems if (why := _find_obstacle(plan, task, one))}
    running = [BASELINE, *(one for one in systems if one.system not in obstacles)]
    resolved = {one.system: _resolve_features(plan, task, one) for one in running}
    features = list_distinct(resolved.values())
    dropped = task.find_missing(features)
    for line in task.describe_missing(dropped):
        say(line)
    config = BenchmarkConfig(
        tuple(dict.fromkeys(one.head for one in running)),
        tuple(FeatureSet(one.name, one.features) for one in features),
        labels=labels,
        protocol=plan.protocol,
        allow_leakage=leaky,
    )
    benchmark = BenchmarkPlan(config, task, tuple(task.complete_folds(dropped, 0)), tuple(features), dropped, ())
    specs = [spec for one in running for spec in _list_specs(benchmark, one, resolved[one.system])]
    return RelatedPlan(replace(benchmark, specs=tuple(specs)), obstacles)


def _find_obstacle(plan: PaperPlan, task: Task, system: RelatedSystem) -> str:
    """Describe why a system cannot run here, or return an empty string."""
    if not system.head:
        return system.here
    encoders = dict.fromkeys(parse_feature(feature).encoder for feature in system.features)
    missing = [one for one in encoders if locate_encoder(plan, one) not in plan.store.encoders()]
    if missing:
        return f"The store has no features of {' and '.join(missing)}."
    check_params(system.head, system.params)
    features = _resolve_features(plan, task, system)
    try:
        describe_surroundings(task, task.folds[0], features.folds[0], system.head, system.params)
    except Mismatch as error:  # no dialogues, an ambiguous order, no transcripts
        return f"{error.what[0].upper()}{error.what[1:]}."
    return ""


def _resolve_features(plan: PaperPlan, task: Task, system: RelatedSystem) -> ResolvedFeatures:
    specs = [parse_feature(feature) for feature in system.features]
    located = tuple(replace(one, encoder=locate_encoder(plan, one.encoder)) for one in specs)
    name = "+".join(system.features)
    return resolve(plan.store, FeatureSet(name, located) if name else TRANSCRIPTS, task.folds)


def _list_specs(benchmark: BenchmarkPlan, system: RelatedSystem, features: ResolvedFeatures) -> list[RunSpec]:
    """List the runs of a system, one for each fold, with seed 0."""
    task, folds = benchmark.task, benchmark.folds
    config = replace(benchmark.config, heads=(system.head,), params={system.head: system.params})
    overlaps = find_overlaps(task.store, folds, features.folds)
    leaks = check_leakage(folds, overlaps, allow=config.allow_leakage)
    return [
        replace(spec, system=system.system, leak=leaks.get(spec.fold.name, ""))
        for spec in list_fold_specs(config, task, folds, features, system.head, NONE)
    ]

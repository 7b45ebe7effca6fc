"""Plan a benchmark: one run for each head, feature set, normalization, train size, seed and fold."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product
from typing import Any

from benchmarks.evaluation.fold_features import ResolvedFeatures, list_distinct, resolve
from benchmarks.evaluation.guards import check_leakage, check_speaker_normalization, find_overlaps
from benchmarks.evaluation.head_features import choose_feature_sets
from benchmarks.evaluation.hidden_modality import list_hidden
from benchmarks.evaluation.lacking_modalities import (
    check_lacking,
    check_masking,
    describe_lacking,
    find_lacking,
    find_unusable,
)
from benchmarks.evaluation.missing_policy import list_policies
from benchmarks.evaluation.permutation_importance import ModalityFeatures, list_modalities
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.soft_labels import VOTES, learns_votes
from benchmarks.evaluation.source import FeatureSource
from benchmarks.evaluation.task import Task, open_task
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.flaw_plan import FlawPlan, plan_flaws
from benchmarks.grid.specs import list_fold_specs
from featurestore.errors import BadValue, format_count
from featurestore.folds.fold import Fold
from featurestore.normalization import NONE


@dataclass(frozen=True)
class BenchmarkPlan:
    """A benchmark before it runs.

    Args:
        config: what to compare.
        task: utterances with a class, as the protocol splits them.
        folds: the same without utterances that lack a feature.
        features: the feature sets, each with every kind of logits that changes it.
        dropped: the utterances that lack a feature, and why.
        specs: all runs, including those with permuted rows or less training data, and those under flaws.
        flaws: the runs under protocol flaws.
        lacking: the utterances that lack a modality and stay, by modality and id, and why; empty if they are dropped.
    """

    config: BenchmarkConfig
    task: Task
    folds: tuple[Fold, ...]
    features: tuple[ResolvedFeatures, ...]
    dropped: Mapping[str, str]
    specs: tuple[RunSpec, ...]
    flaws: FlawPlan = field(default_factory=FlawPlan)
    lacking: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def describe_data(self) -> dict[str, Any]:
        """Describe the utterances in the folds for checks."""
        config = self.config
        found = self.task.describe_data(self.folds, self.features, self.dropped) | {"tune": config.search}
        if not config.masks:
            return found
        about = {"modes": list(config.missing), "dropout": config.modality_dropout, "lacking": dict(self.lacking)}
        return found | {"missing": about}


def plan(store: FeatureSource, config: BenchmarkConfig, say: Callable[[str], None]) -> BenchmarkPlan:
    """Split the corpus, find the features, and list every run.

    Args:
        store: features of one corpus, or a pair of stores.
        config: what to compare.
        say: receives lines about utterances that are left out.

    Raises:
        UnknownName, BadValue, Mismatch: as the parts raise.
        Mismatch: normalization per speaker would remove the class (`guards.check_speaker_normalization`).
        Leakage: an encoder was fine-tuned on test utterances.
    """
    task = open_task(
        store,
        labels=config.labels,
        protocol=config.protocol,
        seed=config.split_seed,
        fold=config.fold,
        dev=config.search > 0,
        agreement=config.agreement,
        targets=config.target,
    )
    if VOTES in config.train_on:
        task.votes.check("--train-on votes")
    by_head = {head: _resolve_features(task, config, head, say) for head in config.heads}
    features = list_distinct(chain.from_iterable(by_head.values()))
    if config.permute:
        _check_modalities(store, features)
    if config.masks:
        check_masking(store, config.heads, config.params, features)
    _check_frames(config.normalize, features)
    lacking = find_lacking(task, features) if config.masks else {}
    dropped = find_unusable(lacking) if config.masks else task.find_missing(features)
    lacking = {
        modality: {one: why for one, why in found.items() if one not in dropped} for modality, found in lacking.items()
    }
    told = describe_lacking(lacking, len(task.classes))
    for line in (*task.describe_missing(dropped), *told, *_describe_votes(config, task)):
        say(line)
    folds = task.complete_folds(dropped, config.inner_folds if config.search else 0)
    check_lacking(folds, lacking)
    check_speaker_normalization(
        config.normalize,
        folds,
        task.classes,
        task.speakers,
        allow=config.allow_degenerate,
        targets=task.targets,
    )
    specs = tuple(_list_specs(config, task, folds, features, by_head))
    flaws = plan_flaws(config, task, folds, by_head, specs) if config.flaws else FlawPlan()
    for line in flaws.left_out:
        say(f"--flaws: {line}")
    return BenchmarkPlan(config, task, tuple(folds), tuple(features), dropped, (*specs, *flaws.specs), flaws, lacking)


def _describe_votes(config: BenchmarkConfig, task: Task) -> Iterator[str]:
    """Yield lines for the user about the votes that heads are trained on, and about heads that cannot be."""
    if VOTES not in config.train_on:
        return
    yield task.votes.describe()
    alone = [one for one in task.classes if not any(task.votes.choices.get(one, ()))]
    if alone:
        yield f"{format_count(len(alone), 'utterance')} without a vote for a class: trained on the label alone"
    if unable := [head for head in config.heads if not learns_votes(head)]:
        yield f"trained on labels only, since they cannot learn from votes: {', '.join(unable)}"


def _resolve_features(
    task: Task, config: BenchmarkConfig, head: str, say: Callable[[str], None]
) -> list[ResolvedFeatures]:
    """Find the files of each feature set that a head can read, with every kind of logits that changes it."""
    found: list[ResolvedFeatures] = []
    chosen = choose_feature_sets(task.store, head, config.params.get(head, {}), config.features, say, task.kind)
    for feature_set, logits in product(chosen, config.logits):
        one = resolve(task.store, feature_set, task.folds, logits)
        if one.folds not in [other.folds for other in found if other.name == one.name]:
            found.append(one)
    return found


def _check_modalities(store: FeatureSource, features: Sequence[ResolvedFeatures]) -> None:
    if not any(list_modalities(store, one.features) for one in features):
        raise BadValue(
            "nothing to permute: no feature set has both modalities",
            got=", ".join(one.name for one in features),
            do="add --features both, or leave --permute out",
        )


def _check_frames(normalizations: Sequence[str], features: Sequence[ResolvedFeatures]) -> None:
    """Check that no frames are to be normalized: heads that read them standardize them over the training part."""
    ragged = [str(feature) for one in features for feature in one.features if feature.is_ragged]
    if ragged and set(normalizations) != {NONE}:
        raise BadValue(
            f"{ragged[0]} cannot be normalized",
            expected="--normalize none: a head that reads frames standardizes them over the training part itself",
            got=f"--normalize {','.join(normalizations)}",
        )


def _list_specs(
    config: BenchmarkConfig,
    task: Task,
    folds: Sequence[Fold],
    features: Sequence[ResolvedFeatures],
    by_head: Mapping[str, Sequence[ResolvedFeatures]],
) -> Iterator[RunSpec]:
    for one in features:
        leaks = check_leakage(folds, find_overlaps(task.store, folds, one.folds), allow=config.allow_leakage)
        modalities = list_modalities(task.store, one.features) if config.permute or config.masks else ()
        policies = list_policies(config.missing, config.modality_dropout)
        for head, normalize, missing in product(config.heads, config.normalize, policies):
            if one not in by_head[head]:
                continue
            for spec in list_fold_specs(config, task, folds, one, head, normalize, missing):
                spec = replace(spec, leak=leaks.get(spec.fold.name, ""))
                yield spec
                if spec.train_size == 1:
                    yield from _list_changes(config, spec, modalities)


def _list_changes(config: BenchmarkConfig, spec: RunSpec, modalities: Sequence[ModalityFeatures]) -> Iterator[RunSpec]:
    """List the runs that predict a changed test part with the same fitted head."""
    if config.permute:
        yield from (replace(spec, permuted=modality) for modality in modalities)
    if spec.missing:
        yield from (replace(spec, hidden=hidden) for hidden in list_hidden([one.modality for one in modalities]))

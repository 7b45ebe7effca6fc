"""Specify the runs of one head on one feature set: for each train size and seed every fold."""

from collections.abc import Iterator, Sequence
from itertools import product

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.evaluation.fold_features import ResolvedFeatures
from benchmarks.evaluation.head_settings import SEED, is_stochastic
from benchmarks.evaluation.learning_curve import reduce_training
from benchmarks.evaluation.missing_policy import MissingPolicy, draws_rows
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.soft_labels import LABELS, VOTES, learns_votes
from benchmarks.evaluation.surroundings import describe_surroundings
from benchmarks.evaluation.task import Task
from benchmarks.grid.config import BenchmarkConfig
from featurestore.folds.fold import Fold
from featurestore.normalization import NONE, SPEAKER


def list_fold_specs(
    config: BenchmarkConfig,
    task: Task,
    folds: Sequence[Fold],
    features: ResolvedFeatures,
    head: str,
    normalize: str,
    missing: MissingPolicy | None = None,
) -> Iterator[RunSpec]:
    """List the runs of one head on one feature set.

    Args:
        config: its train sizes, seeds, settings, search, and what to train on.
        task: the utterances, as its protocol splits them.
        folds: the same without utterances that lack a feature.
        features: what each fold reads.
        head: its registry name.
        normalize: `none`, `global` or `speaker`.
        missing: what is done with utterances that lack a modality; None if `folds` has none of them.
    """
    stochastic, params = is_stochastic(head, task.kind), config.params.get(head, {})
    speakers = task.speakers if normalize == SPEAKER else {}
    speakers = {one: speaker for one, speaker in speakers.items() if one in task.classes}
    drawn = draws_rows(missing) and not is_baseline(head)
    surroundings = [
        describe_surroundings(task, fold, inputs, head, params, masked=missing is not None)
        for fold, inputs in zip(folds, features.folds, strict=True)
    ]
    chosen = [one for one in config.train_on if one == LABELS or learns_votes(head)]
    for train_on, (train_size, seed) in product(chosen, _list_train_sizes_and_seeds(config, stochastic or drawn)):
        for whole, inputs, around in zip(folds, features.folds, surroundings, strict=True):
            fold = whole if train_size == 1 else reduce_training(whole, train_size, task.classes, seed)
            learned = (*fold.train, *fold.dev)
            ids = (*learned, *fold.test)
            yield RunSpec(
                head=head,
                params=({SEED: seed} if stochastic else {}) | dict(params),
                inputs=inputs,
                fold=fold,
                classes={one: task.classes[one] for one in ids},
                normalize=normalize,
                speakers=speakers,
                search=config.search,
                metric=config.headline,
                stream=config.stream,
                seed=seed,
                train_size=train_size,
                system=name_system(head, features, normalize, train_on, missing),
                feature_set=features.name,
                logits=features.logits,
                protocol=task.protocol,
                surroundings=around,
                missing=missing,
                distributions=task.votes.share_all(learned) if train_on == VOTES else None,
                targets=task.targets,
                ratings={one: task.ratings[one] for one in ids} if task.targets else {},
            )


def name_system(
    head: str,
    features: ResolvedFeatures,
    normalize: str,
    train_on: str = LABELS,
    missing: MissingPolicy | None = None,
) -> str:
    """Name a system. The name enters every digest, so its spelling must not change."""
    extra = [f"normalised {'per speaker' if normalize == SPEAKER else 'globally'}"] if normalize != NONE else []
    extra += [f"{features.logits} logits"] if features.logits else []
    extra += [f"missing {missing.mode}"] if missing else []
    extra += ["trained on votes"] if train_on == VOTES else []
    return ", ".join([f"{head} on {features.name}", *extra])


def _list_train_sizes_and_seeds(config: BenchmarkConfig, stochastic: bool) -> Iterator[tuple[float, int]]:
    """List the seeds of each train size: only the first one for a deterministic run."""
    for train_size in (1.0, *sorted(config.train_sizes)):
        for seed in config.seeds if stochastic or config.search or train_size < 1 else config.seeds[:1]:
            yield train_size, seed

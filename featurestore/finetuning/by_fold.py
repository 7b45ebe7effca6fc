"""Fine-tune one encoder per fold of a protocol, or several per fold for cross-fitted logits."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from featurestore import labels as schemes
from featurestore import registry
from featurestore.engines import Engine
from featurestore.errors import BadValue
from featurestore.finetuning.finetune import FineTuned
from featurestore.finetuning.fold_job import FoldJob
from featurestore.finetuning.fold_workers import check_workers, run_in_workers
from featurestore.finetuning.options.settings import Settings
from featurestore.finetuning.settings_check import check_settings
from featurestore.folds import fold as splits
from featurestore.folds.fold import Fold
from featurestore.folds.group_split import split_groups
from featurestore.progress import Say
from featurestore.store import Store


def finetune_folds(
    store: Store,
    *,
    modality: str,
    checkpoint: str,
    out: Path,
    labels: str | None = None,
    protocol: str = "holdout",
    fold: str | None = None,
    all_folds: bool = False,
    crossfit: int = 0,
    engine: Engine | None = None,
    say: Say = print,
    **settings: Any,
) -> list[FineTuned]:
    """Fine-tune a checkpoint on the training part of a fold, and report on its test part, which decides nothing.

    The dev part of the fold, or one that is cut from its training part, chooses the epoch.

    With `all_folds` or `crossfit` several encoders are written, to `out/FOLD`, `out/FOLD-x1` and so on. Each fold gives
    one encoder of its whole training part. Cross-fitting adds K encoders that each leave out one K-th of that part and
    report on it. The K parts keep the protocol's groups together. Finished checkpoints are kept.

    Args:
        store: its manifest and audio are used, not its features.
        modality: `audio` or `text`.
        checkpoint: a folder or hub name to start from.
        out: the folder of the checkpoint, or of several.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        fold: its name; needed if the protocol has several folds and not all are used.
        all_folds: fine-tune one encoder per fold.
        crossfit: number K of encoders per fold for cross-fitted logits; 0 for none.
        engine: where folds are fine-tuned, one fold a worker; by default one after another in this process, as with one
            job on this machine.
        say: receives lines for the user.
        settings: fields of `Settings`; `seed` also seeds the protocol.

    Raises:
        BadValue: the protocol has several folds and none is named; `fold` and `all_folds` are both given; K is 1 or
            larger than the number of groups; or a fold's name cannot name a file.
        Problem: as `finetune` and `folds.fold.split` raise.
    """
    if all_folds and fold is not None:
        raise BadValue("--all-folds and --fold contradict each other", do="leave one of them out")
    wanted, engine = Settings(**settings), engine or Engine(jobs=1)
    check_settings(wanted, modality)
    check_workers(engine, wanted)
    scheme = schemes.choose_scheme(labels, store.corpus, store.utterances)
    classes = scheme.apply(store.utterances)
    folds = splits.split(protocol, store.utterances, classes, wanted.seed)
    job = FoldJob(store, modality, checkpoint, scheme.name, protocol, classes, wanted)
    chosen = folds if all_folds else [_choose_fold(folds, protocol, fold)]
    if not all_folds and not crossfit:
        return _run_all(job, [(chosen[0], out)], engine, say)
    parts = [
        part for whole in chosen for part in (whole, *(_cross_fit_folds(job, whole, crossfit) if crossfit else []))
    ]
    invalid = [part.name for part in parts if not re.fullmatch(r"[\w-]+", part.name)]
    if invalid:
        raise BadValue(
            f"fold {invalid[0]!r} cannot name a feature file",
            expected="letters, digits, - and _",
            do="rename the speaker or session in the manifest",
        )
    return _run_all(job, [(part, out / part.name) for part in parts], engine, say)


def _run_all(job: FoldJob, targets: Sequence[tuple[Fold, Path]], engine: Engine, say: Say) -> list[FineTuned]:
    """Fine-tune on each fold, in workers or one after another here."""
    if not engine.local or (engine.jobs > 1 and len(targets) > 1):
        return run_in_workers(job.make_absolute(), targets, engine, say)
    return [job.run(fold, out, say) for fold, out in targets]


def _cross_fit_folds(job: FoldJob, fold: Fold, count: int) -> list[Fold]:
    """Return K folds that each train on all but one K-th of a training part, and test on it."""
    groups = registry.module("protocols", job.protocol).groups(job.store.utterances)
    most = len({groups[utterance_id] for utterance_id in fold.train})
    if not 2 <= count <= most:
        raise BadValue(
            f"the training part of fold {fold.name} cannot be split into {count} parts",
            expected=f"--crossfit 2 to {most}, the number of groups",
        )
    parts = split_groups(fold.train, groups, job.classes, count, job.settings.seed)
    return [
        Fold(
            f"{fold.name}-x{number}",
            tuple(utterance_id for utterance_id in fold.train if utterance_id not in part),
            tuple(utterance_id for utterance_id in fold.train if utterance_id in part),
        )
        for number, part in enumerate(parts, 1)
    ]


def _choose_fold(folds: list[Fold], protocol: str, name: str | None) -> Fold:
    if name is not None:
        return splits.choose(folds, name)
    if len(folds) > 1:
        raise BadValue(
            f"protocol {protocol} has {len(folds)} folds; name the one to fine-tune on",
            expected=f"--fold, one of {', '.join(fold.name for fold in folds)}",
            do="add --fold NAME, or --all-folds for one encoder per fold",
        )
    return folds[0]

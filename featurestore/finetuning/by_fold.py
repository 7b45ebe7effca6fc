"""Fine-tune one encoder per fold of a protocol, or several per fold for cross-fitted logits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from featurestore import labels as schemes
from featurestore import registry
from featurestore.dialogues import find_previous_turns
from featurestore.encoder_inputs import list_inputs
from featurestore.engines import Engine
from featurestore.errors import BadValue
from featurestore.finetuning.dev_part import cut_dev
from featurestore.finetuning.finetune import FineTuned, finetune
from featurestore.finetuning.fold_workers import check_workers, run_in_workers
from featurestore.finetuning.inputs.selection import check_classes
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
    job = _Job(store, modality, checkpoint, scheme.name, protocol, classes, wanted)
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


@dataclass(frozen=True)
class _Job:
    """The settings that all encoders of one command share."""

    store: Store
    modality: str
    checkpoint: str
    labels: str
    protocol: str
    classes: Mapping[str, str]
    settings: Settings

    def make_absolute(self) -> "_Job":
        """Return the same job for a worker, which may run in another folder."""
        local, board = Path(self.checkpoint).expanduser(), self.settings.tensorboard
        settings = replace(self.settings, tensorboard=str(Path(board).absolute())) if board else self.settings
        return replace(self, checkpoint=str(local.absolute()) if local.is_dir() else self.checkpoint, settings=settings)

    def run(self, fold: Fold, out: Path, say: Say) -> FineTuned:
        """Fine-tune on the training part of one fold."""
        self._report_foreign_context(fold, say)
        check_classes([self.classes[utterance_id] for utterance_id in fold.train])
        split = cut_dev(fold, self.protocol, self.store.utterances, self.classes, self.settings)
        return finetune(
            items=list_inputs(self.store, self.settings.context),
            made_up=self.store.made_up,
            classes=self.classes,
            train_ids=split.train,
            dev_ids=split.dev,
            dev_from=split.dev_from,
            held_out_ids=fold.test,
            modality=self.modality,
            checkpoint=self.checkpoint,
            out=out,
            settings=_choose_log_folder(self.settings, out),
            provenance={
                "corpus": self.store.corpus,
                "manifest": self.store.manifest_digest,
                "labels": self.labels,
                "protocol": self.protocol,
                "fold": fold.name,
            },
            say=say,
        )

    def _report_foreign_context(self, fold: Fold, say: Say) -> None:
        """Report how many training turns read the text of held-out turns as their context."""
        count, rows, held_out = self.settings.context, self.store.utterances, set(fold.test)
        if not count:
            return
        training, previous = set(fold.train), find_previous_turns(rows, count, segments=self.store.segments)
        mixed = [
            row.id
            for row, turns in zip(rows, previous, strict=True)
            if row.id in training and any(turn.id in held_out for turn in turns)
        ]
        if mixed:
            say(
                f"fold {fold.name} cuts through dialogues: {len(mixed)} of {len(training)} training turns read the "
                "text (not the label) of held-out turns as context; a protocol that keeps dialogues together avoids it"
            )


def _run_all(job: _Job, targets: Sequence[tuple[Fold, Path]], engine: Engine, say: Say) -> list[FineTuned]:
    """Fine-tune on each fold, in workers or one after another here."""
    if not engine.local or (engine.jobs > 1 and len(targets) > 1):
        return run_in_workers(job.make_absolute().run, targets, engine, say)
    return [job.run(fold, out, say) for fold, out in targets]


def _choose_log_folder(settings: Settings, out: Path) -> Settings:
    """Give each encoder a folder of its own in TensorBoard's."""
    return (
        replace(settings, tensorboard=str(Path(settings.tensorboard) / out.name)) if settings.tensorboard else settings
    )


def _cross_fit_folds(job: _Job, fold: Fold, count: int) -> list[Fold]:
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

"""Fine-tune on one fold, as a task for a worker.

A dask scheduler unpickles the tasks that it hands out. Networks are therefore imported only where a task runs: imported
here, they would keep the scheduler from answering for as long as they load.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from featurestore.dialogues import find_previous_turns
from featurestore.encoder_inputs import list_inputs
from featurestore.engines.threads import limit_threads, limit_torch_threads
from featurestore.finetuning.options.settings import Settings
from featurestore.finetuning.worker_lines import open_lines
from featurestore.folds.fold import Fold
from featurestore.progress import Say
from featurestore.store import Store

if TYPE_CHECKING:
    from featurestore.finetuning.finetune import FineTuned


@dataclass(frozen=True)
class FoldJob:
    """The settings that all encoders of one command share."""

    store: Store
    modality: str
    checkpoint: str
    labels: str
    protocol: str
    classes: Mapping[str, str]
    settings: Settings

    def make_absolute(self) -> "FoldJob":
        """Return the same job for a worker, which may run in another folder."""
        local, board = Path(self.checkpoint).expanduser(), self.settings.tensorboard
        settings = replace(self.settings, tensorboard=str(Path(board).absolute())) if board else self.settings
        return replace(self, checkpoint=str(local.absolute()) if local.is_dir() else self.checkpoint, settings=settings)

    def run(self, fold: Fold, out: Path, say: Say) -> "FineTuned":
        """Fine-tune on the training part of one fold."""
        from featurestore.finetuning.dev_part import cut_dev
        from featurestore.finetuning.finetune import finetune
        from featurestore.finetuning.inputs.selection import check_classes

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


def run_fold(job: FoldJob, fold: Fold, out: Path, lines: Path, threads: int) -> "FineTuned":
    """Fine-tune on one fold in a worker.

    Args:
        job: the settings.
        fold: the fold.
        out: the folder of its checkpoint.
        lines: the file that lines for the user are appended to.
        threads: of the numeric libraries.
    """
    with limit_torch_threads(threads), limit_threads(threads), open_lines(lines) as say:
        return job.run(fold, out, say)


def _choose_log_folder(settings: Settings, out: Path) -> Settings:
    """Give each encoder a folder of its own in TensorBoard's."""
    return (
        replace(settings, tensorboard=str(Path(settings.tensorboard) / out.name)) if settings.tensorboard else settings
    )

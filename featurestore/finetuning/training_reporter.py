"""Report the progress of training, keep the best weights, and save checkpoints in the middle of a long epoch."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import transformers as hf

from featurestore.finetuning.history import choose_epoch, is_stopped, summarize_log
from featurestore.finetuning.kept_weights import KeptWeights
from featurestore.finetuning.process_group import decide_together, wait_for_others
from featurestore.finetuning.settings import Settings
from featurestore.finetuning.training_log import write_logs
from featurestore.progress import Say

SAVE_EVERY = 600.0  # seconds, within an epoch; every epoch's end is saved too
REPORT_EVERY = 60.0
_WHOLE = "whole"  # the file that is written into a checkpoint after all others


class TrainingReporter(hf.TrainerCallback):
    """Report training line by line, keep the best weights, and ask for a checkpoint in the middle of a long epoch.

    Where processes share a training, the first one writes.

    Args:
        settings: of the training.
        part: the part that is scored after every epoch: `dev`, `test`, or empty for none.
        count: number of its utterances.
        kept: keeps the weights of the epoch that would be the result if training ended now.
        say: receives the lines.
    """

    def __init__(self, settings: Settings, part: str, count: int, kept: KeptWeights, say: Say) -> None:
        self.settings, self.part, self.count, self.kept, self.say = settings, part, count, kept, say
        self.saved = self.reported = self.begun = time.monotonic()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the epoch's clock."""
        self.begun = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report the step and ask for a checkpoint, each where it is due."""
        now, steps = time.monotonic(), state.max_steps // self.settings.epochs
        if state.global_step % steps == 0:  # the epoch's end reports, measures and saves by itself
            return
        control.should_save = control.should_save or decide_together(now - self.saved > SAVE_EVERY)
        if now - self.reported > REPORT_EVERY:
            self.reported = now
            epoch, step = divmod(state.global_step, steps)
            self.say(f"epoch {epoch + 1} of {self.settings.epochs}: step {step} of {steps}")

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Mark the checkpoint as complete, write the log, and remove kept weights that no run can need any more."""
        self.saved = time.monotonic()
        wait_for_others()  # each process has a file in the checkpoint
        if not state.is_world_process_zero:
            return
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE).touch()
        write_logs(state.log_history, Path(args.output_dir), self.part)
        history = summarize_log(state.log_history)
        needed = history and self.settings.needs_dev()
        self.kept.remove_others(choose_epoch(history, self.settings.select) if needed else None)

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report an epoch with its scores, keep its weights if it is the best so far, and stop without a better one."""
        history = summarize_log(state.log_history)
        self._report_epoch(
            history[-1], f", {'dev' if self.part == 'dev' else 'held out'}: {format_scores(history[-1], self.count)}"
        )
        if not self.settings.needs_dev():
            return
        is_best = choose_epoch(history, self.settings.select) == history[-1]["epoch"]
        if is_best and state.is_world_process_zero:
            self.kept.save(history[-1]["epoch"])
        if is_stopped(history, self.settings.patience):
            control.should_training_stop = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report an epoch where nothing is scored."""
        if not self.part:
            self._report_epoch(summarize_log(state.log_history)[-1], "")

    def _report_epoch(self, entry: Mapping[str, Any], rest: str) -> None:
        self.reported = time.monotonic()
        seconds = self.reported - self.begun
        self.say(f"epoch {entry['epoch']} of {self.settings.epochs}: loss {entry['loss']:.3f}{rest}, {seconds:.0f} s")


def format_scores(scores: Mapping[str, Any], count: int) -> str:
    """Format accuracy and unweighted average recall with the number of utterances."""
    accuracy, recall = 100 * scores["accuracy"], 100 * scores["unweighted_average_recall"]
    return f"accuracy {accuracy:.1f} %, unweighted average recall {recall:.1f} % (n = {count})"


def find_last_checkpoint(folder: Path) -> str | None:
    """Find the last complete checkpoint in a folder, or return None."""
    steps = [int(path.parent.name.rpartition("-")[2]) for path in folder.glob(f"checkpoint-*/{_WHOLE}")]
    return str(folder / f"checkpoint-{max(steps)}") if steps else None

"""Report the progress of training, and save checkpoints in the middle of a long epoch."""

import time
from pathlib import Path
from typing import Any

import transformers as hf

from featurestore.finetuning.history import summarize_log
from featurestore.finetuning.settings import Settings
from featurestore.progress import Say

SAVE_EVERY = 600.0  # seconds, within an epoch; every epoch's end is saved too
REPORT_EVERY = 60.0
_WHOLE = "whole"  # the file that is written into a checkpoint after all others


class TrainingReporter(hf.TrainerCallback):
    """Report training line by line, and ask for a checkpoint in the middle of a long epoch.

    Args:
        settings: of the training.
        held_out: number of held-out utterances.
        say: receives the lines.
    """

    def __init__(self, settings: Settings, held_out: int, say: Say) -> None:
        self.settings, self.held_out, self.say = settings, held_out, say
        self.saved = self.reported = self.begun = time.monotonic()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the epoch's clock."""
        self.begun = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report the step and ask for a checkpoint, each where it is due."""
        now, steps = time.monotonic(), state.max_steps // self.settings.epochs
        if state.global_step % steps == 0:  # the epoch's end reports, measures and saves by itself
            return
        control.should_save = control.should_save or now - self.saved > SAVE_EVERY
        if now - self.reported > REPORT_EVERY:
            self.reported = now
            epoch, step = divmod(state.global_step, steps)
            self.say(f"epoch {epoch + 1} of {self.settings.epochs}: step {step} of {steps}")

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Mark the checkpoint as complete."""
        self.saved = time.monotonic()
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE).touch()

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report an epoch with its scores on the held-out part."""
        entry = summarize_log(state.log_history)[-1]
        self._report_epoch(
            entry,
            f", held out: accuracy {100 * entry['accuracy']:.1f} %, "
            f"unweighted average recall {100 * entry['unweighted_average_recall']:.1f} % (n = {self.held_out})",
        )

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report an epoch where nothing is held out."""
        if not self.held_out:
            self._report_epoch(summarize_log(state.log_history)[-1], "")

    def _report_epoch(self, entry: dict[str, Any], rest: str) -> None:
        self.reported = time.monotonic()
        seconds = self.reported - self.begun
        self.say(f"epoch {entry['epoch']} of {self.settings.epochs}: loss {entry['loss']:.3f}{rest}, {seconds:.0f} s")


def find_last_checkpoint(folder: Path) -> str | None:
    """Find the last complete checkpoint in a folder, or return None."""
    steps = [int(path.parent.name.rpartition("-")[2]) for path in folder.glob(f"checkpoint-*/{_WHOLE}")]
    return str(folder / f"checkpoint-{max(steps)}") if steps else None

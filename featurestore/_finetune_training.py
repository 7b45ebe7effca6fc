"""The training itself: transformers' own Trainer, quiet, the same for the same seed, resumable at any moment."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as hf
from torch import nn
from transformers.trainer_utils import EvalPrediction

from featurestore._finetune_data import ByLength, Collator, Part

SAVE_EVERY = 600.0  # seconds, within an epoch; every epoch's end is saved too
TELL_EVERY = 60.0
POINTS = 10  # of an epoch's curves that are kept
_WHOLE = "whole"  # the file that is written into a checkpoint once all others are there


@dataclass(frozen=True)
class Settings:
    """How to fine-tune; the defaults are the paper's (learning rate, optimiser, batch and epochs).

    Args:
        epochs: passes over the training part; the last one's weights are kept, never those that score best.
        learning_rate: at the start; it falls linearly to 0.
        warmup_steps: optimiser steps over which the learning rate rises from 0 first.
        batch_size: utterances per optimiser step.
        micro_batch: utterances in memory at once; the gradients of several are added up to a batch.
        weight_decay: AdamW's.
        epsilon: AdamW's.
        clip: the largest norm of the gradient.
        freeze_front: leave the convolutional front of a raw-waveform model as it is.
        seed: of the new classifier's weights, the order of the data, and dropout.
        fixed_length: cut or pad every input to so many samples or tokens, without a mask over the padding, as the
            paper's code does; the checkpoint is then encoded with in the same way. 0: each as long as it is.
    """

    epochs: int = 9
    learning_rate: float = 2e-5
    warmup_steps: int = 0
    batch_size: int = 32
    micro_batch: int = 8
    weight_decay: float = 0.0
    epsilon: float = 1e-8
    clip: float = 1.0
    freeze_front: bool = True
    seed: int = 0
    fixed_length: int = 0


def train(
    model: nn.Module, training: Part, held_out: Part, settings: Settings, folder: Path, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Trains a model in place, from the last whole checkpoint in `folder` where there is one.

    Args:
        model: a classifier of transformers, in float32.
        training: the part to train on.
        held_out: the part to report on after every epoch; may be empty.
        settings: how.
        folder: where checkpoints go while training is under way.
        tell: receives a line now and then.

    Returns:
        for every epoch `epoch`, `loss` and `training_accuracy` (means over its steps), `steps` (loss and accuracy
        along the epoch, at most `POINTS` means each) and, on the held-out part, `held_out_loss`, `accuracy`,
        `unweighted_average_recall` and `confusion` (C true, C predicted).
    """
    reporter = _Reporter(settings, len(held_out), tell)
    classes = int(model.config.num_labels)
    trainer = _Trainer(
        model=model,
        args=_arguments(settings, folder, bool(len(held_out))),
        train_dataset=training,
        eval_dataset=held_out if len(held_out) else None,
        data_collator=Collator(training.preparer),
        compute_metrics=lambda prediction: scores(prediction) | {"confusion": confusion(prediction, classes)},
        preprocess_logits_for_metrics=_decide,
        callbacks=[reporter],
    )
    trainer.remove_callback(hf.trainer_callback.PrinterCallback)
    # a batch is the mean over its utterances, whatever keyword arguments the model's forward may take
    trainer.model_accepts_loss_kwargs = False
    trainer.train(resume_from_checkpoint=_last_whole(folder))
    return history(trainer.state.log_history)


def history(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The trainer's log, with a line for every step, as one line for every epoch."""
    epochs: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for line in log:
        if "loss" in line:
            steps.append(line)
        if "loss" in line and float(line["epoch"]).is_integer():
            epochs.append(_epoch(steps))
            steps = []
        if "eval_accuracy" in line:
            measured = ("accuracy", "unweighted_average_recall", "confusion")
            epochs[-1] |= {"held_out_loss": line["eval_loss"]} | {name: line[f"eval_{name}"] for name in measured}
    return epochs


def _epoch(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """One epoch's training from the lines of its steps."""
    figures = {name: [float(step[name]) for step in steps] for name in ("loss", "accuracy")}
    return {
        "epoch": int(steps[-1]["epoch"]),
        "loss": float(np.mean(figures["loss"])),
        "training_accuracy": float(np.mean(figures["accuracy"])),
        "steps": {name: thinned(values) for name, values in figures.items()},
    }


def thinned(values: Sequence[float], points: int = POINTS) -> list[float]:
    """Means of at most so many runs of neighbours, as equal in length as can be.

    >>> thinned([1.0, 2.0, 3.0, 4.0], points=2)
    [1.5, 3.5]
    """
    return [round(float(np.mean(run)), 5) for run in np.array_split(values, min(points, len(values)))]


def scores(prediction: EvalPrediction) -> dict[str, float]:
    """Accuracy and unweighted average recall (mean recall of the classes that occur), each 0 to 1."""
    guessed, truth = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)  # (N,) each
    recalls = [float(np.mean(guessed[truth == target] == target)) for target in np.unique(truth)]
    return {"accuracy": float(np.mean(guessed == truth)), "unweighted_average_recall": float(np.mean(recalls))}


def confusion(prediction: EvalPrediction, classes: int) -> list[list[int]]:
    """How often each class (row) was taken for each (column)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (np.asarray(prediction.label_ids), np.asarray(prediction.predictions)), 1)
    table: list[list[int]] = counts.tolist()
    return table


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers' own bars, load reports and advice off the user's terminal."""
    bars, level = hf.utils.logging.is_progress_bar_enabled(), hf.utils.logging.get_verbosity()
    hf.utils.logging.disable_progress_bar()
    hf.utils.logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            # WavLM gives torch a boolean mask beside a float one
            warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask", UserWarning)
            yield
    finally:
        hf.utils.logging.set_verbosity(level)
        if bars:
            hf.utils.logging.enable_progress_bar()


class _Trainer(hf.Trainer):
    # Its own grouping by length would decode every clip to measure it, and its order does not survive a resumed epoch.
    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        part = train_dataset or self.train_dataset
        return ByLength(part.sizes, self.args.train_batch_size * self.args.gradient_accumulation_steps, self.args.seed)

    _right: Any = 0
    _seen = 0

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **rest: Any) -> Any:
        """Counts what is right, in training, as it goes."""
        labels = inputs["labels"]
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True, **rest)
        if model.training:
            self._right = self._right + (outputs["logits"].detach().argmax(-1) == labels).sum()
            self._seen += len(labels)
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], *args: Any, **rest: Any) -> None:
        """Adds the accuracy of the step's utterances to its loss."""
        if "loss" in logs:
            logs["accuracy"] = float(self._right) / max(1, self._seen)
            self._right, self._seen = 0, 0
        super().log(logs, *args, **rest)


class _Reporter(hf.TrainerCallback):
    """Tells how far training is, and asks for a checkpoint in the middle of a long epoch."""

    def __init__(self, settings: Settings, held_out: int, tell: Callable[[str], None]) -> None:
        self.settings, self.held_out, self.tell = settings, held_out, tell
        self.saved = self.told = self.begun = time.monotonic()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.begun = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        now, steps = time.monotonic(), state.max_steps // self.settings.epochs
        if state.global_step % steps == 0:  # the epoch's end reports, measures and saves by itself
            return
        control.should_save = control.should_save or now - self.saved > SAVE_EVERY
        if now - self.told > TELL_EVERY:
            self.told = now
            epoch, step = divmod(state.global_step, steps)
            self.tell(f"epoch {epoch + 1} of {self.settings.epochs}: step {step} of {steps}")

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.saved = time.monotonic()
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE).touch()

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        line = history(state.log_history)[-1]
        self._tell_epoch(
            line,
            f", held out: accuracy {100 * line['accuracy']:.1f} %, "
            f"unweighted average recall {100 * line['unweighted_average_recall']:.1f} % (n = {self.held_out})",
        )

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not self.held_out:
            self._tell_epoch(history(state.log_history)[-1], "")

    def _tell_epoch(self, line: dict[str, Any], rest: str) -> None:
        self.told = time.monotonic()
        seconds = self.told - self.begun
        self.tell(f"epoch {line['epoch']} of {self.settings.epochs}: loss {line['loss']:.3f}{rest}, {seconds:.0f} s")


def _arguments(settings: Settings, folder: Path, measured: bool) -> hf.TrainingArguments:
    # the largest divisor, so that the gradients of several make up exactly one batch
    micro = max(size for size in range(1, settings.micro_batch + 1) if settings.batch_size % size == 0)
    return hf.TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=settings.batch_size // micro,
        per_device_eval_batch_size=micro,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=settings.warmup_steps,
        optim="adamw_torch",
        adam_epsilon=settings.epsilon,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip,
        seed=settings.seed,
        data_seed=settings.seed,
        logging_strategy="steps",
        logging_steps=1,  # a line for every step, so that an epoch's mean loss survives a resumption within it
        logging_nan_inf_filter=False,
        eval_strategy="epoch" if measured else "no",
        save_strategy="epoch",
        save_total_limit=2,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=True,
        report_to="none",
        log_level="error",
    )


def _decide(logits: Any, _labels: torch.Tensor) -> torch.Tensor:
    first = logits[0] if isinstance(logits, tuple) else logits  # (B, C)
    chosen: torch.Tensor = first.argmax(-1)
    return chosen


def _last_whole(folder: Path) -> str | None:
    """The last checkpoint that was written to its end."""
    steps = [int(path.parent.name.rpartition("-")[2]) for path in folder.glob(f"checkpoint-*/{_WHOLE}")]
    return str(folder / f"checkpoint-{max(steps)}") if steps else None

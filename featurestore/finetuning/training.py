"""The training itself: transformers' own Trainer, quiet, the same for the same seed, resumable at any moment."""

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from torch import nn

from featurestore.errors import Problem, Unavailable
from featurestore.finetuning.data import ByLength, Collator, Part
from featurestore.finetuning.history import confusion, history, scores
from featurestore.finetuning.settings import Settings

SAVE_EVERY = 600.0  # seconds, within an epoch; every epoch's end is saved too
TELL_EVERY = 60.0
# How torch's allocators and the C++ library say that memory does not suffice, where it has no type of its own.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation")
_WHOLE = "whole"  # the file that is written into a checkpoint once all others are there


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

    Raises:
        Unavailable: memory does not suffice, the loss is not finite, or the network fails on its inputs.
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
    with explained(settings, str(model.config.model_type)):
        trainer.train(resume_from_checkpoint=_last_whole(folder))
    return history(trainer.state.log_history)


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


@contextmanager
def explained(settings: Settings, network: str) -> Iterator[None]:
    """Turn what a foreign network raises in training into one message.

    Raises:
        Unavailable: in place of any error that is no Problem yet.
    """
    try:
        yield
    except (Problem, OSError):
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(sign in text for sign in _NO_MEMORY):
            raise Unavailable(
                f"out of memory in training, with {settings.micro()} utterances in memory at once",
                got=text,
                do="lower --micro-batch, leave long clips out by --max-seconds, or use a machine with more; started "
                "again it goes on from the last finished epoch",
            ) from error
        raise Unavailable(
            f"the {network} network fails in training",
            got=f"{type(error).__name__}: {text}",
            do="start from another checkpoint; cli extract can still encode with this one",
        ) from error


class _Trainer(hf.Trainer):
    # Its own grouping by length would decode every clip to measure it, and its order does not survive a resumed epoch.
    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        part = train_dataset or self.train_dataset
        return ByLength(part.sizes, self.args.train_batch_size * self.args.gradient_accumulation_steps, self.args.seed)

    _right: Any = 0
    _seen = 0

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
        """Compute the cross entropy, whatever loss the starting checkpoint's task had, and count what is right."""
        labels = inputs["labels"]
        logits = model(**{name: value for name, value in inputs.items() if name != "labels"}).logits  # (B, C)
        loss = nn.functional.cross_entropy(logits, labels)
        if model.training:
            self._right = self._right + (logits.detach().argmax(-1) == labels).sum()
            self._seen += len(labels)
        return (loss, {"logits": logits}) if return_outputs else loss

    def log(self, logs: dict[str, float], *args: Any, **rest: Any) -> None:
        """Adds the accuracy of the step's utterances to its loss."""
        if "loss" in logs:
            self._check_finite(logs["loss"])
            logs["accuracy"] = float(self._right) / max(1, self._seen)
            self._right, self._seen = 0, 0
        super().log(logs, *args, **rest)

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise Unavailable(
                f"training diverged: the loss is {loss} in step {self.state.global_step}",
                do="lower --learning-rate, or raise --warmup-steps",
            )


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
    micro = settings.micro()
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


def _decide(logits: torch.Tensor, _labels: torch.Tensor) -> torch.Tensor:
    return logits.argmax(-1)  # (B,)


def _last_whole(folder: Path) -> str | None:
    """The last checkpoint that was written to its end."""
    steps = [int(path.parent.name.rpartition("-")[2]) for path in folder.glob(f"checkpoint-*/{_WHOLE}")]
    return str(folder / f"checkpoint-{max(steps)}") if steps else None

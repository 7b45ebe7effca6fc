"""Train a classifier with transformers' Trainer, without its output, reproducible by seed, resumable at any moment."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from torch import nn

from featurestore.errors import Problem, Unavailable, shorten_error, summarize_error
from featurestore.finetuning.class_loss import make_class_loss
from featurestore.finetuning.classifier_trainer import ClassifierTrainer
from featurestore.finetuning.ctc import FRAMES, SYMBOL_COUNTS, SYMBOLS, CtcObjective
from featurestore.finetuning.data import Collator, LengthGroupedSampler, TrainingPart
from featurestore.finetuning.history import count_confusions, score, summarize_log
from featurestore.finetuning.network_layers import NetworkLayers
from featurestore.finetuning.settings import Settings
from featurestore.finetuning.training_reporter import TrainingReporter, find_last_checkpoint
from featurestore.progress import Say

# What torch's allocators and the C++ library say when memory runs out, in errors without a type of their own.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation")

# What a batch holds beside the inputs of the network.
_NOT_READ = ("labels", SYMBOLS, SYMBOL_COUNTS, FRAMES)


def train(
    model: nn.Module,
    training: TrainingPart,
    held_out: TrainingPart,
    settings: Settings,
    folder: Path,
    say: Say,
    ctc: CtcObjective | None = None,
    layers: NetworkLayers | None = None,
) -> list[dict[str, Any]]:
    """Train a model in place, from the last complete checkpoint in `folder` if there is one.

    Args:
        model: a classifier of transformers, in float32.
        training: the part to train on.
        held_out: the part to report on after every epoch; may be empty.
        settings: of the training.
        folder: where checkpoints go during training.
        say: receives lines for the user.
        ctc: a second loss on the transcripts, of a network with its layer; None for the cross entropy alone.
        layers: places of the network's weights, where their rates depend on them.

    Returns:
        for every epoch `epoch`, `loss` and `training_accuracy` (means over its steps), `steps` (loss and accuracy
            along the epoch, at most `POINTS` means each) and, on the held-out part, `held_out_loss` (cross entropy),
            `accuracy`, `unweighted_average_recall` and `confusion` (C true, C predicted). With a second loss, `loss` is
            the sum of both, and `ctc_loss` the second one's mean per transcript.

    Raises:
        Unavailable: out of memory, the loss is not finite, or the network fails on its inputs.
    """
    classes = int(model.config.num_labels)
    trainer = EncoderTrainer(
        model=model,
        args=_make_arguments(settings, folder, evaluated=bool(len(held_out))),
        train_dataset=training,
        eval_dataset=held_out if len(held_out) else None,
        data_collator=Collator(training.preparer),
        compute_metrics=lambda prediction: score(prediction) | {"confusion": count_confusions(prediction, classes)},
        preprocess_logits_for_metrics=_decide,
        callbacks=[TrainingReporter(settings, len(held_out), say)],
    )
    trainer.ctc = ctc
    trainer.layers, trainer.layer_decay = layers, settings.layer_decay
    trainer.class_loss = make_class_loss(settings.class_weights, settings.label_smoothing, training.targets, classes)
    if trainer.class_loss.weights is not None:
        say(f"class weights: {trainer.class_loss.describe_weights(model.config.id2label)}")
    trainer.remove_callback(hf.trainer_callback.PrinterCallback)
    # a batch is the mean over its utterances, whatever keyword arguments the model's forward may take
    trainer.model_accepts_loss_kwargs = False
    with explain_failures(settings, str(model.config.model_type)):
        trainer.train(resume_from_checkpoint=find_last_checkpoint(folder))
    return summarize_log(trainer.state.log_history)


@contextmanager
def explain_failures(settings: Settings, network: str) -> Iterator[None]:
    """Turn any error of a network in training into one message.

    Raises:
        Unavailable: instead of any error that is not a Problem yet.
    """
    try:
        yield
    except (Problem, OSError):
        raise
    except Exception as error:
        text = shorten_error(error)
        if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(sign in text for sign in _NO_MEMORY):
            raise Unavailable(
                f"out of memory in training, with {settings.compute_micro_batch()} utterances in memory at once",
                got=text,
                do="lower --micro-batch, leave out long clips by --max-seconds, or use a machine with more memory; the "
                "same command resumes from the last finished epoch",
            ) from error
        raise Unavailable(
            f"the {network} network fails in training",
            got=summarize_error(error),
            do="start from another checkpoint; cli extract can still encode with this one",
        ) from error


class EncoderTrainer(ClassifierTrainer):
    """Train on batches of similar length, and report the accuracy of every step beside its loss."""

    ctc: CtcObjective | None = None
    _correct: Any = 0
    _count = 0

    def get_train_dataloader(self) -> Any:
        """Return the training batches, in the order of `LengthGroupedSampler`."""
        args, part = self.args, self.train_dataset
        batch = args.train_batch_size * args.gradient_accumulation_steps
        loader = torch.utils.data.DataLoader(
            part,
            batch_size=args.train_batch_size,
            sampler=LengthGroupedSampler(part.sizes, batch, args.seed),
            collate_fn=self.data_collator,
            pin_memory=args.dataloader_pin_memory,
        )
        return self.accelerator.prepare(loader)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
        """Compute the cross entropy, whatever loss the starting checkpoint's task had, and count correct answers.

        In training the CTC loss is added where there is one.
        """
        labels = inputs["labels"]
        logits = model(**{name: value for name, value in inputs.items() if name not in _NOT_READ}).logits  # (B, C)
        loss = self.average_loss(logits, labels, training=model.training)
        if self.ctc is not None:
            if model.training:
                loss = loss + self.ctc.compute(inputs)
            else:
                self.ctc.forget()
        if model.training:
            self._correct = self._correct + (logits.detach().argmax(-1) == labels).sum()
            self._count += len(labels)
        return (loss, {"logits": logits}) if return_outputs else loss

    def log(self, logs: dict[str, float], *args: Any, **rest: Any) -> None:
        """Log a step with its accuracy.

        Raises:
            Unavailable: the loss is not finite.
        """
        if "loss" in logs:
            self._check_finite(logs["loss"])
            logs["accuracy"] = float(self._correct) / max(1, self._count)
            self._correct, self._count = 0, 0
            if self.ctc is not None:
                logs["ctc_loss"] = self.ctc.take_mean()
        super().log(logs, *args, **rest)

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise Unavailable(
                f"training diverged: the loss is {loss} in step {self.state.global_step}",
                do="lower --learning-rate, or raise --warmup-steps",
            )


def _make_arguments(settings: Settings, folder: Path, *, evaluated: bool) -> hf.TrainingArguments:
    micro = settings.compute_micro_batch()
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
        logging_steps=1,  # every step, so that an epoch's mean loss survives a restart in the middle of it
        logging_nan_inf_filter=False,
        eval_strategy="epoch" if evaluated else "no",
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

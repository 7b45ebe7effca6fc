"""A trainer of transformers for classifiers, and the messages about what fails in it."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import transformers as hf
from torch import nn

from featurestore.errors import Problem, Unavailable, format_count, shorten_error, summarize_error
from featurestore.finetuning.ctc import FRAMES, SYMBOL_COUNTS, SYMBOLS, CtcObjective
from featurestore.finetuning.data import LengthGroupedSampler, MicroBatchSampler

# What torch's allocators and the C++ library say when memory runs out, in errors without a type of their own.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation")

# What a batch holds beside the inputs of the network.
NOT_READ = ("labels", SYMBOLS, SYMBOL_COUNTS, FRAMES)


@contextmanager
def explain_failures(micro: int, network: str) -> Iterator[None]:
    """Turn any error of a network in training into one message.

    Args:
        micro: utterances in memory at once.
        network: its type.

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
                f"out of memory in training, with {format_count(micro, 'utterance')} in memory at once",
                got=text,
                do=f"{'lower --micro-batch, ' if micro > 1 else ''}leave out long clips by --max-seconds, add "
                "--gradient-checkpointing, or use a machine with more memory; the same command resumes from the last "
                "finished epoch",
            ) from error
        raise Unavailable(
            f"the {network} network fails in training",
            got=summarize_error(error),
            do="start from another checkpoint; cli extract can still encode with this one",
        ) from error


class EncoderTrainer(hf.Trainer):
    """Train on batches of similar length, and report the accuracy of every step beside its loss."""

    ctc: CtcObjective | None = None
    batch_size = 1
    _correct: Any = 0
    _count = 0
    _before = 0.0  # when the step before ended

    def get_train_dataloader(self) -> Any:
        """Return the micro-batches of training, in the order of `LengthGroupedSampler`."""
        args, part = self.args, self.train_dataset
        order = LengthGroupedSampler(part.sizes, self.batch_size, args.seed)
        loader = torch.utils.data.DataLoader(
            part,
            batch_sampler=MicroBatchSampler(order, self.batch_size, args.per_device_train_batch_size),
            collate_fn=self.data_collator,
            pin_memory=args.dataloader_pin_memory,
        )
        self._before = time.monotonic()
        return self.accelerator.prepare(loader)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Any], int]:
        """Return the micro-batches of a step, and the number of utterances in all of them."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        return batches, sum(len(batch["labels"]) for batch in batches)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: int | None = None, **_: Any
    ) -> Any:
        """Compute the cross entropy, whatever loss the starting checkpoint's task had, and count correct answers.

        In training the CTC loss is added where there is one. A micro-batch has the sum over its utterances, divided by
        the utterances of the whole batch, so that the gradients do not depend on how the batch is cut.
        """
        labels = inputs["labels"]
        whole = num_items_in_batch or len(labels)
        logits = model(**{name: value for name, value in inputs.items() if name not in NOT_READ}).logits  # (B, C)
        loss = nn.functional.cross_entropy(logits, labels, reduction="sum") / whole
        if self.ctc is not None:
            if model.training:
                with self.accelerator.autocast():
                    loss = loss + self.ctc.compute(inputs) * (len(labels) / whole)
            else:
                self.ctc.forget()
        if model.training:
            self._correct = self._correct + (logits.detach().argmax(-1) == labels).sum()
            self._count += len(labels)
        return (loss, {"logits": logits}) if return_outputs else loss

    def log(self, logs: dict[str, float], *args: Any, **rest: Any) -> None:
        """Log a step with its accuracy, the number of its clips and its time.

        Raises:
            Unavailable: the loss is not finite.
        """
        if "loss" in logs:
            self._check_finite(logs["loss"])
            now = time.monotonic()
            logs |= {"accuracy": float(self._correct) / max(1, self._count), "clips": self._count}
            logs["seconds"] = round(now - self._before, 4)
            self._correct, self._count, self._before = 0, 0, now
            if self.ctc is not None:
                logs["ctc_loss"], logs["transcripts"] = self.ctc.take_mean()
        super().log(logs, *args, **rest)

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise Unavailable(
                f"training diverged: the loss is {loss} in step {self.state.global_step}",
                do="lower --learning-rate, or raise --warmup-steps",
            )

"""A trainer of transformers for classifiers, and the messages about what fails in it."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader

from featurestore.errors import Problem, Unavailable, format_count, shorten_error, summarize_error
from featurestore.finetuning.classifier_trainer import ClassifierTrainer
from featurestore.finetuning.ctc import FRAMES, SYMBOL_COUNTS, SYMBOLS, CtcObjective
from featurestore.finetuning.data import IGNORED, LengthGroupedSampler, MicroBatchSampler
from featurestore.finetuning.loading_workers import explain_worker, open_loader

# What torch's allocators and the C++ library say when memory runs out, in errors without a type of their own.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation")

CLIP_LOSS = "clip_loss"  # among the scores of a part: the mean of its losses

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
        if ended := explain_worker(error):
            raise ended from error
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


class EncoderTrainer(ClassifierTrainer):
    """Train on batches of similar length, and report the accuracy of every step beside its loss."""

    ctc: CtcObjective | None = None
    batch_size = 1
    workers = 0
    _correct: Any = 0
    _count: Any = 0
    _before = 0.0  # when the step before ended

    def get_train_dataloader(self) -> Any:
        """Return the micro-batches of this process in training, in the order of `LengthGroupedSampler`."""
        args, part = self.args, self.train_dataset
        order = LengthGroupedSampler(part.sizes, self.batch_size, args.seed)
        share = {"processes": args.world_size, "process": args.process_index}
        batches = MicroBatchSampler(order, self.batch_size, args.per_device_train_batch_size, **share)
        self._before = time.monotonic()
        loader = self._open_loader(part, batch_sampler=batches)
        if args.world_size == 1:
            return self.accelerator.prepare(loader)
        # it holds a share already, which accelerate must not divide again
        return prepare_data_loader(loader, args.device, num_processes=1, process_index=0, put_on_device=True)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """Return the batches of a part that is scored, in its own order."""
        part = self.eval_dataset if eval_dataset is None else eval_dataset
        return self.accelerator.prepare(self._open_loader(part, batch_size=self.args.eval_batch_size))

    def get_test_dataloader(self, test_dataset: Any) -> Any:
        """Return the batches of the test part, in its own order."""
        return self.accelerator.prepare(self._open_loader(test_dataset, batch_size=self.args.eval_batch_size))

    def _open_loader(self, part: Any, **order: Any) -> Any:
        pinned = self.args.dataloader_pin_memory
        return open_loader(part, self.data_collator, self.workers, pin_memory=pinned, **order)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Any], int]:
        """Return this process's micro-batches of a step, and the number of utterances in those of all processes."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        if self.args.world_size == 1:
            return batches, sum(len(batch["labels"]) for batch in batches)
        count = torch.stack([_count_labels(batch["labels"]) for batch in batches]).sum()
        return batches, int(self.accelerator.reduce(count))

    def evaluation_loop(self, *args: Any, **rest: Any) -> Any:
        """Score a part. Its loss is the mean over its clips, however processes share them.

        Transformers' own counts the clips twice that fill the last batch.
        """
        output = super().evaluation_loop(*args, **rest)
        prefix = rest.get("metric_key_prefix", "eval")
        output.metrics[f"{prefix}_loss"] = output.metrics.pop(f"{prefix}_{CLIP_LOSS}")
        return output

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: int | None = None, **_: Any
    ) -> Any:
        """Compute the cross entropy, whatever loss the starting checkpoint's task had, and count correct answers.

        In training the CTC loss is added where there is one. A micro-batch has the sum over its utterances, divided by
        the utterances of the whole batch, so that the gradients do not depend on how the batch is cut. Gradients are
        averaged over processes, which is a sum of losses that are multiplied by their number.
        """
        labels = inputs["labels"]
        whole = num_items_in_batch or len(labels)
        logits = model(**{name: value for name, value in inputs.items() if name not in NOT_READ}).logits  # (B, C)
        loss = self.sum_losses(logits, labels, training=model.training) / whole
        if self.ctc is not None:
            if model.training:
                with self.accelerator.autocast():
                    loss = loss + self.ctc.compute(inputs) * (len(labels) / whole)
            else:
                self.ctc.forget()
        if model.training:
            loss = loss * self.args.world_size
            self._correct = self._correct + (logits.detach().argmax(-1) == labels).sum()
            self._count = self._count + _count_labels(labels)
        return (loss, {"logits": logits}) if return_outputs else loss

    def log(self, logs: dict[str, float], *args: Any, **rest: Any) -> None:
        """Log a step with its accuracy, the number of its clips and its time.

        Raises:
            Unavailable: the loss is not finite.
        """
        if "loss" in logs:
            self._check_finite(logs["loss"])
            now = time.monotonic()
            correct, count = self.accelerator.reduce(torch.stack([self._correct, self._count])).tolist()
            logs |= {"accuracy": correct / max(1, count), "clips": count}
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


def _count_labels(labels: torch.Tensor) -> torch.Tensor:
    return (labels != IGNORED).sum()

"""Settings of fine-tuning, and which of them a record holds."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

from featurestore.spec import PRECISIONS, WHOLE_WINDOW

FREEZE_ALL = -1  # `freeze`: the whole base network

_NEUTRAL, _RECORDED = "neutral", "recorded"


def declare_added(default: Any, *, neutral: Any) -> Any:
    """Declare a setting that records of older versions lack.

    Args:
        default: of the setting.
        neutral: the value that does what older versions did. It is not recorded, so that older records stay up to date.
    """
    return field(default=default, metadata={_NEUTRAL: neutral})


def declare_unrecorded(default: Any) -> Any:
    """Declare a setting that shapes no weights, such as a number of workers. It decides about no checkpoint's age."""
    return field(default=default, metadata={_RECORDED: False})


SELECTIONS = ("best-dev", "last")
PRECISION_CHOICES = ("auto", *PRECISIONS)
CLASS_WEIGHTS = ("none", "balanced")
SCHEDULES = ("linear", "cosine", "constant")


@dataclass(frozen=True)
class Settings:
    """Settings of fine-tuning. The defaults are the paper's (learning rate, optimizer, batch and epochs), except that a
    dev part chooses the epoch.

    Args:
        epochs: passes over the training part.
        learning_rate: at the start; it falls to 0 by the schedule.
        warmup_steps: optimizer steps over which the learning rate first rises from 0.
        batch_size: utterances per optimizer step.
        micro_batch: utterances in memory at once, at most; gradients are accumulated to a batch. None for as many as
            fit.
        weight_decay: AdamW's.
        epsilon: AdamW's.
        clip: the largest norm of the gradient.
        freeze_front: leave the convolutional front of a raw-waveform model as it is.
        seed: of the new classifier's weights, the order of the data, dropout, and the cut of the dev part.
        fixed_length: cut or pad every input to this many samples or tokens, without a mask over the padding, as the
            paper's code does; the checkpoint then encodes in the same way. 0 keeps each input's own length.
        max_seconds: longer clips are left out; None for any length that fits into memory.
        context: turns of the same dialogue before an utterance that a text encoder reads with it.
        ctc_weight: weight of the CTC loss on the transcripts, which an audio encoder learns beside its classes from a
            CTC checkpoint; 0 for the classes alone. Cai et al. (Interspeech 2021) have 0.1.
        lora: rank of adapters that are trained in place of the base network, and merged into it at the end; 0 for none.
        lora_alpha: their scale times the rank; None for twice the rank.
        freeze: layers that are left as they are, counted from the input, with the embeddings; -1 for the whole base
            network. `freeze_front` decides about the convolutional front.
        layer_decay: the learning rate of a layer as a share of the rate of what is above it, the classifier at the top.
        class_weights: of the loss: `none`, or `balanced` for n / (C n_c) by the training part.
        label_smoothing: share of each label that is spread over all classes, from 0 to less than 1.
        window: `30s`, or `clip` to train Whisper on the clip and 1 s of silence; the checkpoint then encodes so.
        dev: share of the training part that is set aside for dev, 0 to 0.5, where the fold has no dev part of its own.
            0 for no dev part at all.
        select: `best-dev` keeps the epoch with the highest unweighted average recall on dev, `last` the last one.
        patience: stop after so many epochs without a better score on dev; 0 for never.
        test_every_epoch: score the test part after every epoch, as the paper does, instead of once at the end. It
            chooses nothing.
        accumulate: parts that a batch is cut into, each in memory at once; 0 to follow `micro_batch`.
        precision: of the arithmetic: `float32`, `bf16`, `fp16`, or `auto` for bf16 on a GPU that has it, else float32.
        gradient_checkpointing: compute activations twice instead of keeping them: less memory, more time.
        schedule: of the learning rate after warm-up: `linear` or `cosine` to 0, or `constant`.
        device: `cpu`, `cuda`, `cuda:1`, `mps`; None for a GPU where there is one.
        tensorboard: folder for TensorBoard's event files; None for none.
        augment: effects on training clips, of `augmentation.RANGES`, separated by commas; empty for none.
        mask_time: share of a clip's frames that SpecAugment masks, `mask_time_prob` of transformers (0 to 1); None for
            the checkpoint's own.
        mask_time_length: frames of one such mask; None for the checkpoint's own.
        mask_features: share of the channels that SpecAugment masks, `mask_feature_prob` of transformers (0 to 1); None
            for the checkpoint's own.
        mask_features_length: channels of one such mask; None for the checkpoint's own.
        cache: keep decoded clips on disk until training ends.
        workers: processes that prepare clips; None for none on a CPU, and up to 4 beside a GPU.
        processes: processes that share every batch, each on a GPU of its own, or of one thread each on a CPU.
    """

    epochs: int = 9
    learning_rate: float = 2e-5
    warmup_steps: int = 0
    batch_size: int = 32
    micro_batch: int | None = declare_added(None, neutral=None)
    weight_decay: float = 0.0
    epsilon: float = 1e-8
    clip: float = 1.0
    freeze_front: bool = True
    seed: int = 0
    fixed_length: int = 0
    max_seconds: float | None = None
    context: int = declare_added(0, neutral=0)
    ctc_weight: float = declare_added(0.0, neutral=0.0)
    lora: int = declare_added(0, neutral=0)
    lora_alpha: float | None = declare_added(None, neutral=None)
    freeze: int = declare_added(0, neutral=0)
    layer_decay: float = declare_added(1.0, neutral=1.0)
    class_weights: str = declare_added("none", neutral="none")
    label_smoothing: float = declare_added(0.0, neutral=0.0)
    window: str = declare_added(WHOLE_WINDOW, neutral=WHOLE_WINDOW)
    dev: float = declare_added(0.1, neutral=0.0)
    select: str = declare_added("best-dev", neutral="last")
    patience: int = declare_added(0, neutral=0)
    test_every_epoch: bool = declare_unrecorded(False)
    accumulate: int = declare_added(0, neutral=0)
    precision: str = declare_added("auto", neutral="float32")
    gradient_checkpointing: bool = declare_added(False, neutral=False)
    schedule: str = declare_added("linear", neutral="linear")
    device: str | None = declare_unrecorded(None)
    tensorboard: str | None = declare_unrecorded(None)
    augment: str = declare_added("", neutral="")
    mask_time: float | None = declare_added(None, neutral=None)
    mask_time_length: int | None = declare_added(None, neutral=None)
    mask_features: float | None = declare_added(None, neutral=None)
    mask_features_length: int | None = declare_added(None, neutral=None)
    cache: bool = declare_unrecorded(True)
    workers: int | None = declare_unrecorded(None)
    processes: int = declare_unrecorded(1)

    def describe(self) -> dict[str, Any]:
        """Return what a record holds of the settings, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if _is_recorded(one, getattr(self, one.name))}

    def compute_lora_alpha(self) -> float:
        """Compute the scale of adapters times their rank."""
        return 2.0 * self.lora if self.lora_alpha is None else self.lora_alpha

    def find_micro_batch(self) -> int | None:
        """Return the utterances in memory of a process at once that are asked for. None where it is to be found out."""
        if self.accumulate:
            return math.ceil(self.count_share() / self.accumulate)
        return None if self.micro_batch is None else min(self.micro_batch, self.count_share())

    def count_share(self) -> int:
        """Count the utterances of a batch that one process has, at most."""
        return math.ceil(self.batch_size / self.processes)

    def needs_dev(self) -> bool:
        """Tell whether the dev part chooses anything, so that its labels count as seen."""
        return self.select == "best-dev" or self.patience > 0


# What the paper does, and what versions without a dev part did.
AS_PUBLISHED = Settings(micro_batch=8, dev=0.0, select="last", test_every_epoch=True, precision="float32")


def _is_recorded(setting: Any, value: Any) -> bool:
    """Tell whether a record holds a setting of this value."""
    told = setting.metadata
    return told.get(_RECORDED, True) and (_NEUTRAL not in told or value != told[_NEUTRAL])

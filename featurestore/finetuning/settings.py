"""Settings of fine-tuning, and which of them a record holds."""

from dataclasses import dataclass, field, fields
from typing import Any

from featurestore.spec import WHOLE_WINDOW

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


@dataclass(frozen=True)
class Settings:
    """Settings of fine-tuning. The defaults are the paper's (learning rate, optimizer, batch and epochs).

    Args:
        epochs: passes over the training part; the last one's weights are kept, never those that score best.
        learning_rate: at the start; it falls linearly to 0.
        warmup_steps: optimizer steps over which the learning rate first rises from 0.
        batch_size: utterances per optimizer step.
        micro_batch: utterances in memory at once; gradients are accumulated to a batch.
        weight_decay: AdamW's.
        epsilon: AdamW's.
        clip: the largest norm of the gradient.
        freeze_front: leave the convolutional front of a raw-waveform model as it is.
        seed: of the new classifier's weights, the order of the data, and dropout.
        fixed_length: cut or pad every input to this many samples or tokens, without a mask over the padding, as the
            paper's code does; the checkpoint then encodes in the same way. 0 keeps each input's own length.
        max_seconds: longer clips are left out; None for any length that fits into memory.
        context: turns of the same dialogue before an utterance that a text encoder reads with it.
        ctc_weight: weight of the CTC loss on the transcripts, which an audio encoder learns beside its classes from a
            CTC checkpoint; 0 for the classes alone. Cai et al. (Interspeech 2021) have 0.1.
        window: `30s`, or `clip` to train Whisper on the clip and 1 s of silence; the checkpoint then encodes so.
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
    max_seconds: float | None = None
    context: int = declare_added(0, neutral=0)
    ctc_weight: float = declare_added(0.0, neutral=0.0)
    window: str = declare_added(WHOLE_WINDOW, neutral=WHOLE_WINDOW)

    def describe(self) -> dict[str, Any]:
        """Return what a record holds of the settings, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if _is_recorded(one, getattr(self, one.name))}

    def compute_micro_batch(self) -> int:
        """Compute the utterances in memory at once: the largest divisor of the batch up to `micro_batch`."""
        return max(size for size in range(1, self.micro_batch + 1) if self.batch_size % size == 0)


def _is_recorded(setting: Any, value: Any) -> bool:
    """Tell whether a record holds a setting of this value."""
    told = setting.metadata
    return told.get(_RECORDED, True) and (_NEUTRAL not in told or value != told[_NEUTRAL])

"""Limit the length of clips by the memory of a training step. Longer clips are left out with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from featurestore.errors import format_count
from featurestore.finetuning.data import ClipPreparer
from featurestore.finetuning.settings import Settings
from featurestore.item import Item
from featurestore.networks.device import choose_device
from featurestore.networks.limits import TooLong, check_seconds, measure_length
from featurestore.networks.memory import estimate_training_memory, format_bytes, measure_free_memory

_STATES = 3  # copies of the trained weights: their gradients and AdamW's two moments
_FLOAT = 4  # bytes


@dataclass(frozen=True)
class TrainingLimits:
    """Limits of one clip in training.

    Args:
        clips: how the network reads them.
        config: of the network, as its `config.json` has it.
        settings: how to fine-tune.
        memory: bytes for one step; None where it does not matter (on a GPU, and where all inputs have one length).
    """

    clips: ClipPreparer
    config: Mapping[str, Any]
    settings: Settings
    memory: int | None

    def check(self, item: Item) -> None:
        """Check the length of a clip by its header.

        Raises:
            TooLong: the clip is beyond a limit, if all clips in memory at once are padded to its length.
            Unencodable: its header cannot be read.
        """
        if item.audio is None or (self.settings.max_seconds is None and self.memory is None):
            return
        seconds, clips = measure_length(item), self.settings.find_micro_batch() or 1
        check_seconds(seconds, self.settings.max_seconds)
        if self.memory is not None and not self.fits(seconds, clips):
            raise TooLong(
                f"{seconds:.0f} s long: a training step with {format_count(clips, 'clip')} of that length would take "
                f"about {format_bytes(self._estimate(seconds, clips))} of memory, {format_bytes(self.memory)} are "
                f"free; cut it, {'lower --micro-batch, ' if clips > 1 else ''}or use a machine with more"
            )

    def fits(self, seconds: float, clips: int) -> bool:
        """Tell whether a step with so many clips of this length fits into memory."""
        return self.memory is None or self._estimate(seconds, clips) <= self.memory

    def _estimate(self, seconds: float, clips: int) -> int:
        rate, front = self.clips.reader.rate, not self.settings.freeze_front
        return estimate_training_memory(self.config, round(seconds * rate), rate, clips=clips, front=front)


def measure_limits(clips: ClipPreparer, model: Any, settings: Settings) -> TrainingLimits:
    """Measure the memory that is free for training a loaded network in one process on this machine."""
    one_length = settings.fixed_length or clips.reader.longest is not None
    memory = None
    if not one_length and (settings.device or choose_device()) == "cpu":
        memory = max(0, measure_free_memory() // settings.processes - _measure_training_states(model))
    return TrainingLimits(clips, model.config.to_dict(), settings, memory)


def _measure_training_states(model: Any) -> int:
    return int(_STATES * _FLOAT * sum(weight.numel() for weight in model.parameters() if weight.requires_grad))

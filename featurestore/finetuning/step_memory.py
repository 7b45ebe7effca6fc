"""Decide which clips a training step has memory for: they are left out with a reason, not killed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from featurestore.finetuning.data import Clips
from featurestore.finetuning.settings import Settings
from featurestore.item import Item
from featurestore.networks.device import best
from featurestore.networks.limits import TooLong, check_seconds, length, room, told
from featurestore.networks.memory import needed_to_train

_STATES = 3  # copies of the trained weights: their gradients and AdamW's two moments
_FLOAT = 4  # bytes


@dataclass(frozen=True)
class Allowed:
    """What one clip may take in training.

    Args:
        clips: how the network reads them.
        config: of the network, as its `config.json` has it.
        settings: how to train.
        memory: bytes for one step; None where it does not matter (on a GPU, and where all inputs have one length).
    """

    clips: Clips
    config: Mapping[str, Any]
    settings: Settings
    memory: int | None

    def check(self, item: Item) -> None:
        """Read the clip's header only.

        Raises:
            TooLong: the clip is beyond a limit, where it and as many as are in memory at once are padded to its length.
            Unencodable: its header cannot be read.
        """
        if item.audio is None or (self.settings.max_seconds is None and self.memory is None):
            return
        seconds = length(item)
        check_seconds(seconds, self.settings.max_seconds)
        if self.memory is not None and (wanted := self._needed(seconds)) > self.memory:
            raise TooLong(
                f"{seconds:.0f} s long: a training step with {self.settings.micro()} clips of that length would take "
                f"about {told(wanted)} of memory, {told(self.memory)} are free; cut it, lower --micro-batch, or use a "
                "machine with more"
            )

    def _needed(self, seconds: float) -> int:
        rate = self.clips.reader.rate
        clips, front = self.settings.micro(), not self.settings.freeze_front
        return needed_to_train(self.config, round(seconds * rate), rate, clips=clips, front=front)


def allowed(clips: Clips, model: Any, settings: Settings) -> Allowed:
    """Measure what is free for training a loaded network on this machine."""
    one_length = settings.fixed_length or clips.reader.longest is not None
    memory = None if one_length or best() != "cpu" else max(0, room() - _states(model))
    return Allowed(clips, model.config.to_dict(), settings, memory)


def _states(model: Any) -> int:
    return int(_STATES * _FLOAT * sum(weight.numel() for weight in model.parameters() if weight.requires_grad))

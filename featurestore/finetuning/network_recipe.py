"""Make the network that fine-tuning trains, the same in every process."""

from dataclasses import dataclass
from typing import Any

from featurestore.finetuning.mask_options import read_masks
from featurestore.finetuning.settings import Settings
from featurestore.finetuning.starting_network import load_starting_network
from featurestore.finetuning.trained_parts import TrainedParts, restrict_training
from featurestore.networks.checkpoint import Checkpoint
from featurestore.progress import Say


@dataclass(frozen=True)
class NetworkRecipe:
    """What the network is made of.

    Args:
        start: the starting checkpoint.
        modality: `audio` or `text`.
        class_names: the classes, in the order of the logits.
        settings: of fine-tuning.
    """

    start: Checkpoint
    modality: str
    class_names: tuple[str, ...]
    settings: Settings

    def load(self, say: Say) -> tuple[Any, Any]:
        """Load the network, and its tokenizer or feature extractor, as `load_starting_network` does."""
        seed, front, masks = self.settings.seed, self.settings.freeze_front, read_masks(self.settings)
        return load_starting_network(
            self.start, self.modality, self.class_names, seed=seed, freeze_front=front, say=say, masks=masks
        )

    def restrict(self, model: Any, processor: Any, say: Say) -> TrainedParts:
        """Restrict training to parts of the network, as `restrict_training` does."""
        return restrict_training(model, processor, self.modality, self.settings, self.start, say)

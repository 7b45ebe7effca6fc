"""Keep the weights of an epoch beside the state of training, so that the best one can be restored."""

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from featurestore.errors import Mismatch

_NAME = "weights-{}.safetensors"
UNTRAINED = 0  # the number of an epoch before the first
FINISHED = -1  # stands for the epoch whose weights another process has chosen


class KeptWeights:
    """Weights of some epochs of a training, each in a file. Frozen weights are left out: they do not change.

    Args:
        model: the network in training.
        folder: of the state of training.
    """

    def __init__(self, model: nn.Module, folder: Path) -> None:
        self.model, self.folder = model, folder

    def save(self, epoch: int) -> None:
        """Save the present weights as those of an epoch."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._find_path(epoch)
        save_file({name: value.detach().cpu().clone() for name, value in self._list_changing().items()}, path)

    def load(self, epoch: int) -> None:
        """Restore the weights of an epoch.

        Raises:
            Mismatch: its file is missing or incomplete.
        """
        path = self._find_path(epoch)
        try:
            found = load_file(path)
        except Exception as error:  # safetensors has errors of its own
            raise Mismatch(
                f"{path}: the weights of epoch {epoch} cannot be read", do=f"remove {self.folder} and train again"
            ) from error
        self.model.load_state_dict(found, strict=False)

    def remove_others(self, epoch: int | None) -> None:
        """Remove the files of all epochs but one, or of all."""
        for path in self.folder.glob(_NAME.format("*")):
            if epoch is None or path != self._find_path(epoch):
                path.unlink()

    def _find_path(self, epoch: int) -> Path:
        return self.folder / _NAME.format(epoch)

    def _list_changing(self) -> dict[str, Tensor]:
        frozen = {name for name, weight in self.model.named_parameters() if not weight.requires_grad}
        state: dict[str, Any] = self.model.state_dict()
        return {name: value for name, value in state.items() if name not in frozen}

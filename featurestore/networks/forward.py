"""Run a loaded network: copy inputs to its device, and keep the output of its base network."""

from collections.abc import Callable
from typing import Any

import numpy as np

from featurestore.errors import Unavailable, summarize_error
from featurestore.networks.checkpoint import Checkpoint


class BaseOutput:
    """Keep what the base network returned in the last forward pass, with any classifier on top of it."""

    def __init__(self, base: Any) -> None:
        self._output: Any = None
        base.register_forward_hook(self._keep)

    def _keep(self, module: Any, inputs: Any, output: Any) -> None:
        self._output = output

    def take(self) -> Any:
        """Return the last output, and release it."""
        output, self._output = self._output, None
        return output


def to_device(values: np.ndarray, device: str) -> Any:
    """Copy an array to a device, to a GPU through pinned memory, so that the copy overlaps with other work."""
    import torch

    tensor = torch.from_numpy(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.startswith("cuda") else tensor.to(device)


def check_runs(checkpoint: Checkpoint, run: Callable[[], object]) -> None:
    """Run a network once, so that a failure is reported before any utterance is encoded.

    Raises:
        Unavailable: it fails; the message carries its reason.
    """
    try:
        run()
    except Exception as error:
        raise Unavailable(
            f"transformers cannot run checkpoint {checkpoint.name} on any input",
            got=summarize_error(error),
            do="run it with transformers alone, and compare its config.json with that of a checkpoint which works",
        ) from None

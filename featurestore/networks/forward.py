"""Run a loaded network: copy inputs to its device and results back, and keep the output of its base network."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from featurestore.errors import Unavailable, summarize_error
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.turns import pass_turn


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
    """Copy an array to a device, to a GPU through pinned memory, so that the copy overlaps with other work.

    The pinned copy may be released at once: torch keeps its memory until the GPU has read it.
    """
    import torch

    tensor = torch.from_numpy(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.startswith("cuda") else tensor.to(device)


def to_host(tensors: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Copy tensors from their device, as float32 arrays.

    All copies from a GPU are started, into pinned memory, before the first is waited for. Meanwhile another thread may
    use the network.
    """
    import torch

    copies = {name: tensor.float().to("cpu", non_blocking=tensor.is_cuda) for name, tensor in tensors.items()}
    for device in {tensor.device for tensor in tensors.values() if tensor.is_cuda}:
        copied = torch.cuda.current_stream(device).record_event()
        with pass_turn():
            copied.synchronize()  # until then the copies hold anything; later work is not waited for
    return {name: copy.numpy() for name, copy in copies.items()}


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

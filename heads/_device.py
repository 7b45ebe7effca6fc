"""Choose the device that a head's network runs on."""

import torch
from torch import nn


def choose_device(name: str) -> torch.device:
    """Return a device by name, for "auto" the GPU where there is one.

    Raises:
        ValueError: it is no name of a device, or there is no such device here.
    """
    if name == "auto":
        found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return found or torch.device("cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise ValueError(f"device must be 'auto' or a torch device such as 'cpu', got {name!r}") from None
    _check_presence(device)
    return device


def _check_presence(device: torch.device) -> None:
    try:
        torch.empty(0, device=device)
    except (AssertionError, NotImplementedError, RuntimeError) as error:  # which one depends on how torch was built
        # its first line tells a GPU that is missing from one that is full
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device '{device}' cannot be used here: choose 'auto' or 'cpu' ({reason})") from None


def find_device(network: nn.Module) -> torch.device:
    """Return the device that a network's parameters lie on."""
    return next(network.parameters()).device

"""Choose the device that a head's network runs on."""

import torch
from torch import nn


def choose_device(name: str) -> torch.device:
    """Return a device by name, for "auto" the GPU where there is one.

    Raises:
        ValueError: there is no such device.
    """
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    try:
        return torch.device(name) if name != "auto" else found or torch.device("cpu")
    except (RuntimeError, TypeError):
        raise ValueError(f"device must be 'auto' or a torch device such as 'cpu', got {name!r}") from None


def find_device(network: nn.Module) -> torch.device:
    """Return the device that a network's parameters lie on."""
    return next(network.parameters()).device

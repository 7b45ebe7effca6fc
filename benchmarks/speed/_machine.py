"""Describe the machine that the figures were measured on."""

import os
from importlib.metadata import version
from typing import Any

from benchmarks.grid import machine
from featurestore.networks.device import count_cores

__all__ = ["count_cores", "describe"]


def describe() -> dict[str, Any]:
    """Return the machine, its load before the run, and library versions."""
    import torch

    return {
        **machine.describe(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        **{name: version(name) for name in ("torch", "transformers", "numpy", "h5py")},
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "torch_threads": f"{torch.get_num_threads()} where a reference has one process; 1 in each of several",
    }

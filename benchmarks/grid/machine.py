"""Describe the machine that figures were measured on."""

import os
import platform
from pathlib import Path
from typing import Any

from featurestore.networks.device import count_cores


def describe() -> dict[str, Any]:
    """Describe the processor, the cores that this process may use, the memory in GiB, the system and Python."""
    return {
        "cpu": _processor(),
        "cores": count_cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text("utf-8").splitlines() if information.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()

"""Choose and check the device that networks run on, and count the cores of this machine."""

import re
import sys
from pathlib import Path

from featurestore.errors import BadValue

_NAME = re.compile(r"cpu|mps|cuda(:\d+)?")
_GPUS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/kfd"))  # Nvidia's driver, Windows' for Linux, AMD's


def choose_device() -> str:
    """Return `cuda` or `mps` where there is a GPU, else `cpu`. Loads torch, which takes seconds, only if needed."""
    if sys.platform == "linux" and not has_driver():
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def has_driver() -> bool:
    """Tell whether Linux has the driver of a GPU."""
    return any(path.exists() for path in _GPUS)


def check_device(name: str, *, here: bool = True) -> None:
    """Check the name of a device, and that this machine has it. Loads torch only for a GPU.

    Args:
        name: `cpu`, `cuda`, `cuda:1`, `mps`.
        here: whether it must be on this machine. What a cluster's workers have is not known.

    Raises:
        BadValue: it is not the name of a device, or this machine has none of that name.
    """
    if not _NAME.fullmatch(name):
        raise BadValue(f"{name!r} is not a device", expected="cpu, cuda, cuda:NUMBER or mps")
    if here and name != "cpu" and name not in (there := _list_devices()):
        raise BadValue(
            f"there is no device {name!r} that torch can use on this machine",
            expected=", ".join(there),
            do="--device cpu always works",
        )


def count_gpus() -> int:
    """Count the GPUs of CUDA that torch can use. Loads torch."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _list_devices() -> list[str]:
    import torch

    gpus = [f"cuda:{number}" for number in range(count_gpus())]
    return ["cpu", *(["cuda"] if gpus else []), *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def count_cores() -> int:
    """Count the cores that this process may use, within a container's limit and its own affinity."""
    from joblib import cpu_count

    return int(cpu_count())

"""Where networks run unless the user says: the GPU where there is one, else on how many cores."""

import re
import sys
from pathlib import Path

from featurestore.errors import BadValue

_NAME = re.compile(r"cpu|mps|cuda(:\d+)?")
_GPUS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/kfd"))  # Nvidia's driver, Windows' for Linux, AMD's


def best() -> str:
    """`cuda`, `mps` or `cpu`; torch is asked only where there may be a GPU, because loading it costs seconds."""
    if sys.platform == "linux" and not any(path.exists() for path in _GPUS):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check(name: str, *, here: bool = True) -> None:
    """Checks the name of a device, and that it is there; torch is asked only about a GPU.

    Args:
        name: `cpu`, `cuda`, `cuda:1`, `mps`.
        here: whether it is to be on this machine; what a cluster's workers have cannot be told.

    Raises:
        BadValue: it is no name of a device, or this machine has none of that name.
    """
    if not _NAME.fullmatch(name):
        raise BadValue(f"{name!r} is not a device", expected="cpu, cuda, cuda:NUMBER or mps")
    if here and name != "cpu" and name not in (there := _there()):
        raise BadValue(
            f"there is no device {name!r} that torch can use on this machine",
            expected=", ".join(there),
            do="--device cpu always works",
        )


def _there() -> list[str]:
    import torch

    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return ["cpu", *(["cuda"] if gpus else []), *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def cores() -> int:
    """The cores that this process may use, within a container's limit and its own affinity."""
    from joblib import cpu_count

    return int(cpu_count())

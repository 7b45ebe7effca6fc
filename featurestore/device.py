"""Where networks run unless the user says: the GPU where there is one, else on how many cores."""

import sys
from pathlib import Path

_GPUS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/kfd"))  # Nvidia's driver, Windows' for Linux, AMD's


def best() -> str:
    """`cuda`, `mps` or `cpu`; torch is asked only where there may be a GPU, because loading it costs seconds."""
    if sys.platform == "linux" and not any(path.exists() for path in _GPUS):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def cores() -> int:
    """The cores that this process may use, within a container's limit and its own affinity."""
    from joblib import cpu_count

    return int(cpu_count())

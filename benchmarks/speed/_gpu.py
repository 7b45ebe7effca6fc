"""Find the GPU, and measure its rate and how busy it is."""

import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIDE = 8192  # of the matrices: large enough for the full rate of any card
INTERVAL = 100  # milliseconds between two samples of the utilization


def find_gpu() -> str:
    """Return the device that torch calls a GPU, or an empty text if there is none."""
    import torch

    return "cuda" if torch.cuda.is_available() else ""


def name_device(device: str) -> str:
    """Return the card's name, or the device's."""
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def multiply_rate(device: str, side: int = SIDE, repeats: int = 10, dtype: str = "float32") -> float:
    """Return the operations per second of a large matrix product, without TF32, at the best of some repeats."""
    import torch

    left, right = torch.randn(2, side, side, device=device, dtype=getattr(torch, dtype))
    product = torch.mm(left, right)
    seconds = []
    for _ in range(repeats):
        wait(device)
        started = time.perf_counter()
        torch.mm(left, right, out=product)
        wait(device)
        seconds.append(time.perf_counter() - started)
    return 2 * side**3 / min(seconds)


def wait(device: str) -> None:
    """Wait until a device has done all of its work."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


@contextmanager
def sample_utilization() -> Iterator[list[float]]:
    """Yield a list that holds, after the block, the card's utilization in percent. Empty without `nvidia-smi`."""
    samples: list[float] = []
    if not (command := shutil.which("nvidia-smi")):
        yield samples
        return
    query = [command, "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", f"-lms={INTERVAL}", "-i", "0"]
    with subprocess.Popen(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield samples
        finally:
            process.terminate()
            output = process.stdout.read() if process.stdout else ""
            samples += [float(line) for line in output.splitlines() if line.strip().isdigit()]


def summarize_utilization(samples: list[float]) -> Any:
    """Return the mean of the samples, or None if there are none."""
    return statistics.fmean(samples) if samples else None

"""Run `cli extract` as a user does, in a separate process, and measure the memory of it and its workers."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Seconds between two samples. The kernel keeps each process's peak, so only its last moment can be missed.
INTERVAL = 0.05


@dataclass(frozen=True)
class Finished:
    """The answer of a command, and its cost.

    Args:
        answer: its JSON.
        seconds: from start to end.
        peak: in MB, the sum of the peaks that the kernel kept for the command and for every worker.
    """

    answer: Any
    seconds: float
    peak: float


def extract(store: Path, checkpoint: Path, *options: str) -> Finished:
    """Run `cli extract --json` and sample its memory."""
    arguments = ["extract", "--store", str(store), "--encoder", f"audio={checkpoint}", "--device", "cpu", "--json"]
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", "from cli import main; main()", *arguments, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    peaks: dict[int, float] = {}
    while process.poll() is None:
        for member in _family(process.pid):
            peaks[member] = max(peaks.get(member, 0.0), _peak(member))
        time.sleep(INTERVAL)
    seconds = time.perf_counter() - started
    output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise RuntimeError(f"cli extract ended with exit code {process.returncode}: not a measurement")
    return Finished(json.loads(output), seconds, sum(peaks.values()))


def _family(root: int) -> Sequence[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(Path("/proc", name, "stat").read_text("utf-8").rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # the process has just ended
        children.setdefault(parent, []).append(int(name))
    found = [root]
    for member in found:
        found += children.get(member, [])
    return found


def _peak(process: int) -> float:
    """Return the peak memory of a process so far, in MB."""
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) / 1024 if lines else 0.0

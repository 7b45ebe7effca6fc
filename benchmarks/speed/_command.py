"""`cli extract` in a process of its own, as a user starts it, and the memory that it and its workers take."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INTERVAL = (
    0.05  # seconds between two looks; the kernel keeps each process's peak, so only its last moment can be missed
)


@dataclass(frozen=True)
class Finished:
    """What a command answered, and what it took.

    Args:
        answer: its JSON.
        seconds: from start to end.
        peak: MB; the peaks of the command and of every worker, each as the kernel kept it, added up.
    """

    answer: Any
    seconds: float
    peak: float


def extract(store: Path, checkpoint: Path, *options: str) -> Finished:
    """Runs `cli extract --json` and watches it."""
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
    """A process and all that it started."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(Path("/proc", name, "stat").read_text("utf-8").rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it has just ended
        children.setdefault(parent, []).append(int(name))
    found = [root]
    for member in found:
        found += children.get(member, [])
    return found


def _peak(process: int) -> float:
    """The most memory (MB) that a process has had so far."""
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) / 1024 if lines else 0.0

"""Run a command as a user does, in a separate process, and measure the memory of it and its workers."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Seconds between two samples. The kernel keeps each process's resident peak, so only its last moment can be missed. It
# keeps no peak of anonymous memory: a peak that is shorter than this is missed.
INTERVAL = 0.05


@dataclass(frozen=True)
class Finished:
    """The answer of a command, and its cost.

    Args:
        answer: its JSON.
        seconds: from start to end.
        peak: in MB, the sum of the peaks of the command and of every worker.
    """

    answer: Any
    seconds: float
    peak: float


def extract(store: Path, checkpoint: Path, *options: str) -> Finished:
    """Run `cli extract --json` and sample its resident memory, mapped files included."""
    encoder = f"audio={checkpoint}"
    return _run("VmHWM", "extract", "--store", str(store), "--encoder", encoder, "--device", "cpu", *options)


def import_features(store: Path, file: Path, *options: str) -> Finished:
    """Run `cli import --json` and sample its anonymous memory: what it holds itself, without mapped files."""
    return _run("RssAnon", "import", str(file), "--store", str(store), *options)


def _run(field: str, *arguments: str) -> Finished:
    """Run a command with `--json`, and sample a field of the status that the kernel keeps of each process."""
    started = time.perf_counter()
    command = [sys.executable, "-c", "from cli import main; main()", *arguments, "--json"]
    peaks: dict[int, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while process.poll() is None:
            for member in _family(process.pid):
                peaks[member] = max(peaks.get(member, 0.0), read_memory(member, field))
            time.sleep(INTERVAL)
        seconds = time.perf_counter() - started
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise RuntimeError(f"cli {arguments[0]} ended with exit code {process.returncode}: not a measurement")
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


def read_memory(process: int, field: str) -> float:
    """Return a field of the status of a process, in MB: its memory, or the peak of it so far."""
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(lines[0].split()[1]) / 1024 if lines else 0.0

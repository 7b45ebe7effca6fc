"""Import distributions in other processes, and collect what became of each."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).with_name("try_imports.py")
_SECONDS = 60.0  # for a process; on a cold disk they take some 15


@dataclass(frozen=True)
class ImportReport:
    """Outcome of importing one distribution.

    Args:
        error: why it cannot be imported; empty if it can.
        library: name and version of the library that it wraps; empty if none is known.
        torch: of torch: `built_for`, `gpus`, `mps` and `reasons`.
    """

    error: str = ""
    library: str = ""
    torch: dict[str, Any] = field(default_factory=dict)


def try_imports(*groups: Sequence[str], seconds: float = _SECONDS) -> dict[str, ImportReport]:
    """Import distributions, each group in a process of its own, and return what became of each by name.

    Args:
        groups: names of installed distributions.
        seconds: after which a process counts as hanging.
    """
    with ThreadPoolExecutor(max(1, len(groups))) as pool:
        found = pool.map(lambda names: _import_group(names, seconds), groups)
        return {name: report for reports in found for name, report in reports.items()}


def _import_group(names: Sequence[str], seconds: float) -> dict[str, ImportReport]:
    """Import in order. What ends the process or hangs is broken, and another process goes on behind it."""
    found: dict[str, ImportReport] = {}
    left = list(names)
    while left:
        reports, reason = _run(left, seconds)
        found |= reports
        left = left[len(reports) :]
        if left:
            found[left.pop(0)] = ImportReport(reason)
    return found


def _run(names: Sequence[str], seconds: float) -> tuple[dict[str, ImportReport], str]:
    """Return the reports of one process, and why it ended before the last of them."""
    words = [sys.executable, "-P", str(_SCRIPT), *names]
    path = os.pathsep.join(one for one in sys.path if one)
    process = subprocess.Popen(
        words, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        answers, _ = process.communicate(timeout=seconds)
        reason = _explain_end(process.returncode)
    except subprocess.TimeoutExpired:
        process.kill()
        answers, _ = process.communicate()
        reason = f"its import does not end within {seconds:.0f} s"
    return {
        report["name"]: ImportReport(report["error"], report["library"], report.get("torch", {}))
        for report in map(json.loads, answers.splitlines())
    }, reason


def _explain_end(code: int) -> str:
    if code >= 0:
        return f"its import ends Python with exit code {code}"
    return f"its import ends Python with {signal.Signals(-code).name}"

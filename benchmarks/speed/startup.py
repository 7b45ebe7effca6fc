"""Start of the command line: `cli --help` under 0.15 s, the first line of any command under 1 s.

Each command is a process of its own, stopped after its first line. Modules are compiled before, as by installing.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.speed import _corpus
from benchmarks.speed._row import Measurement, summarize

HELP, FIRST = 0.15, 1.0  # seconds
# First words of each command that is started, with the folder of a store in place of STORE.
COMMANDS = (
    "inspect STORE",
    "verify STORE",
    "list heads",
    "extract --store STORE --encoder mfcc",
    "fit-head --store STORE --head svm",
    "benchmark --store STORE --heads svm --out STORE/results",
    "report STORE/results",
    "predict STORE/bundles/svm --text words",
    "finetune --store STORE --modality text --checkpoint STORE/none --out STORE/tuned",
    "paper --store STORE",
    "doctor",
)


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Time the help to its end, and every command to its first line."""
    store = _corpus.write_store(folder / "store", _corpus.write_clips(folder / "clips", [0.5]), folder / "clips").path
    settings = "files in the page cache, modules compiled"
    chosen, repeats = (COMMANDS[:1], 1) if small else (COMMANDS, 5)
    rows = [summarize("cli --help", _repeat(["--help"], repeats, folder), "s", settings, bar=HELP)]
    for line in chosen:
        seconds = _repeat(line.replace("STORE", str(store)).split(), repeats, folder)
        rows.append(summarize(f"cli {line.split()[0]}, first line", seconds, "s", settings, bar=FIRST))
    return rows


def _repeat(words: list[str], repeats: int, folder: Path) -> list[float]:
    """Time a command after one start that compiles its modules."""
    _time_first_line(words, folder)
    return [_time_first_line(words, folder) for _ in range(repeats)]


def _time_first_line(words: list[str], folder: Path) -> float:
    """Return the seconds to the first line that a command writes, and stop it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {
        "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-c", "from cli import main; main()", *words]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as process:
        line = process.stdout.readline() if process.stdout else b""
        seconds = time.perf_counter() - started
        process.kill()
    if not line.strip() or line.startswith(b"Traceback"):
        raise RuntimeError(f"cli {words[0]} wrote no line: not a measurement")
    return seconds

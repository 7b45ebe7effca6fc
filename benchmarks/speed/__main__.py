"""Run every measurement, print the table and write the JSON: `python -m benchmarks.speed [--only NAME] [--small]`."""

import argparse
import importlib
import json
import logging
import os
import pkgutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed import _machine
from benchmarks.speed._row import HEADINGS, Measurement


def names() -> list[str]:
    """List every measurement in this folder."""
    return [
        found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)]) if not found.name.startswith("_")
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the requested measurements and return the exit code: 1 if a bar does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--only", action="append", choices=names(), help="run this measurement; repeatable")
    parser.add_argument("--small", action="store_true", help="tiny sizes that only show that it runs")
    parser.add_argument("--out", type=Path, default=Path("results/bench.json"), help="file for the JSON")
    options = parser.parse_args(arguments)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    content = run(options.only or names(), small=options.small)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(content, indent=2), "utf-8")
    print(f"written to {options.out}")
    return 1 if any(row["passed"] is False for row in content["rows"]) and not options.small else 0


def run(measurements: Sequence[str], small: bool) -> dict[str, Any]:
    """Run measurements, print each as it ends, and return them as JSON."""
    machine = _machine.describe()
    print("\n".join(f"{name}: {value}" for name, value in machine.items()))
    kept: list[dict[str, Any]] = []
    for name in measurements:
        started, before = time.perf_counter(), _load()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            rows = importlib.import_module(f"benchmarks.speed.{name}").measure(Path(folder), small)
        load = f"{before} to {_load()}"
        print(f"\n{name} ({time.perf_counter() - started:.0f} s, load average {load})\n{_table(rows)}", flush=True)
        kept += [row.to_json() | {"module": name, "load_average": load} for row in rows]
    return {"machine": machine, "small": small, "rows": kept}


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _table(rows: Sequence[Measurement]) -> str:
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
    notes = dict.fromkeys(f"  {row.settings}; {row.repeats} repeats" for row in rows)
    return "\n".join([*aligned, *notes])


if __name__ == "__main__":
    sys.exit(main())

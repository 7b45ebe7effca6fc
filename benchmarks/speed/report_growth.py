"""A benchmark's report at up to 1,000,000 test predictions, by speakers and by single utterances.

Three heads, two of them with two seeds and a control, in two folds: seven tables of predictions of each utterance.
"""

from pathlib import Path

from benchmarks.speed._growth import SIZES, SMALL, compare_sizes, measure_growth
from benchmarks.speed._predictions import SPEAKERS, write_benchmark
from benchmarks.speed._row import Measurement, summarize
from benchmarks.speed._time import time_processor

SECONDS = 60
MEMORY = 4096  # MB
PAGE = 5  # MB


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Write benchmarks of each size and measure `cli report` on them: seconds of CPU, memory, size of the page."""
    sizes = SMALL if small else SIZES
    rows: list[Measurement] = []
    for speakers, name in ((SPEAKERS, "report by speakers"), (0, "report by utterances")):
        measure_growth(write, sizes, folder, speakers)
        costs = measure_growth(report, sizes, folder, speakers)
        settings = "one thread, seconds of CPU, 7 predictions of each utterance"
        rows += compare_sizes(name, costs, settings, seconds=SECONDS, memory=MEMORY)
        page = name_folder(folder, sizes[-1], speakers) / "report.html"
        rows.append(summarize(f"page, {name}", [page.stat().st_size / 2**20], "MB", settings, bar=PAGE))
    return rows


def write(rows: int, folder: Path, speakers: int) -> float:
    """Write a benchmark, and return the seconds of CPU that it took."""
    return time_processor(lambda: write_benchmark(name_folder(folder, rows, speakers), rows, speakers))


def report(rows: int, folder: Path, speakers: int) -> float:
    """Write the report of a benchmark, and return the seconds of CPU that it took."""
    from benchmarks.report.write_report import make_report

    out = name_folder(folder, rows, speakers)
    return time_processor(lambda: make_report(out, out / "report.html"))


def name_folder(folder: Path, rows: int, speakers: int) -> Path:
    """Return the folder of the benchmark of one size."""
    return folder / f"{rows}-{speakers}"

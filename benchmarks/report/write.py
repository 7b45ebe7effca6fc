"""Writes the report: the page, and beside it the same for papers and programs. The same predictions, the same bytes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.grid import results
from benchmarks.report.analysis.content import content
from benchmarks.report.render import exports, page
from benchmarks.report.render.drawing import png, svg
from benchmarks.report.render.figures import drawings
from featurestore.storage.atomic import replacing, write_text

PAGE, RESULTS, MARKDOWN, CSV, TEX, FIGURES = (
    "report.html",
    "results.json",
    "report.md",
    "leaderboard.csv",
    "leaderboard.tex",
    "figures",
)
OWN = r"(leaderboard|confusion-\d+|modalities|layers|reliability|selective|epochs|sizes)\.(svg|png)"


def report(folder: Path, out: Path, against: Path | None = None) -> dict[str, Any]:
    """Reads a benchmark and writes its report.

    Args:
        folder: of the benchmark.
        out: the page; its folder takes `results.json`, `report.md`, `leaderboard.csv`, `leaderboard.tex`, `figures/`.
        against: the folder of another benchmark, to set the same systems against.

    Returns:
        What is in `results.json`.

    Raises:
        NotFound, Mismatch: as `benchmarks.grid.results.read` raises.
        BadValue: the two benchmarks have nothing in common.
    """
    found = content(results.read(folder), None if against is None else results.read(against))
    write(found, out)
    return found


def write(found: Mapping[str, Any], out: Path) -> None:
    """Writes page, exports and figures from the report's content; the page last."""
    drawn, labels = {}, {}
    folder = out.parent / FIGURES
    folder.mkdir(parents=True, exist_ok=True)
    for one in drawings(found):
        drawn[one.name], labels[one.name] = svg(one.figure, one.name, one.label), one.label
        write_text(folder / f"{one.name}.svg", drawn[one.name] + "\n")
        _write_bytes(folder / f"{one.name}.png", png(one.figure))
    for path in folder.iterdir():  # what an earlier report drew and this one does not would show other systems
        if path.stem not in drawn and re.fullmatch(OWN, path.name):
            path.unlink()
    write_text(out.parent / RESULTS, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    write_text(out.parent / MARKDOWN, exports.markdown(found, labels))
    write_text(out.parent / CSV, exports.csv_table(found))
    write_text(out.parent / TEX, exports.tex(found))
    write_text(out, page.render(found, drawn))


def _write_bytes(path: Path, raw: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(raw)

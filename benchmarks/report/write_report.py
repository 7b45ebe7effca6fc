"""Write the report of a benchmark: the page and its exports. The same predictions give the same bytes."""

import json
import re
from dataclasses import replace
from pathlib import Path

from benchmarks.grid import results
from benchmarks.report.analysis.content_types import ReportContent
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render import exports, html_page
from benchmarks.report.render.figure_style import to_png, to_svg
from benchmarks.report.render.report_figures import draw_figures
from benchmarks.statistics.count_metrics import check_metric
from featurestore.storage.atomic import replace_atomically, write_text

PAGE, RESULTS, MARKDOWN, CSV, TEX, FIGURES = (
    "report.html",
    "results.json",
    "report.md",
    "leaderboard.csv",
    "leaderboard.tex",
    "figures",
)
OWN = r"(leaderboard|confusion-\d+|modalities|missing|layers|reliability|selective|epochs|sizes)\.(svg|png)"


def make_report(folder: Path, out: Path, against: Path | None = None, metric: str | None = None) -> ReportContent:
    """Read a benchmark and write its report.

    Args:
        folder: of the benchmark.
        out: the page; `results.json`, `report.md`, `leaderboard.csv`, `leaderboard.tex` and `figures/` are written into
            its folder.
        against: the folder of another benchmark to compare the same systems with.
        metric: full name of the metric to rank and compare by; by default the benchmark's own.

    Returns:
        The content of `results.json`.

    Raises:
        NotFound: there is no benchmark, or a run is missing.
        Mismatch: the benchmark is damaged or of another version.
        BadValue: the two benchmarks have nothing in common.
        UnknownName: there is no such metric.
    """
    if metric is not None:
        check_metric(metric)
    found = replace(results.read(folder), headline=metric or "")
    content = build_content(found, None if against is None else results.read(against))
    write_report(content, out)
    return content


def write_report(content: ReportContent, out: Path) -> None:
    """Write figures and exports from the report's content, and the page last.

    Args:
        content: of the report.
        out: the page.
    """
    drawn, labels = {}, {}
    folder = out.parent / FIGURES
    folder.mkdir(parents=True, exist_ok=True)
    for one in draw_figures(content):
        drawn[one.name], labels[one.name] = to_svg(one.figure, one.name, one.label), one.label
        write_text(folder / f"{one.name}.svg", drawn[one.name] + "\n")
        _write_bytes(folder / f"{one.name}.png", to_png(one.figure))
    for path in folder.iterdir():  # figures of an earlier report would show other systems
        if path.stem not in drawn and re.fullmatch(OWN, path.name):
            path.unlink()
    write_text(out.parent / RESULTS, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    write_text(out.parent / MARKDOWN, exports.format_markdown(content, labels))
    write_text(out.parent / CSV, exports.format_csv(content))
    write_text(out.parent / TEX, exports.format_latex(content))
    write_text(out, html_page.render_page(content, drawn))


def _write_bytes(path: Path, raw: bytes) -> None:
    with replace_atomically(path) as temporary:
        temporary.write_bytes(raw)

"""Write the report of a benchmark: the page and its exports. The same predictions give the same bytes."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.grid import results
from benchmarks.grid.value_results import AnyResults, ValueResults, read_any_results
from benchmarks.report.analysis.content_types import ReportContent
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render import exports, html_page
from benchmarks.report.render.figure_style import to_png, to_svg
from benchmarks.report.render.plotting import Drawing
from benchmarks.report.render.report_figures import draw_figures
from benchmarks.report.render.summary_markdown import render_summary
from benchmarks.report.values.value_content import build_value_content
from benchmarks.report.values.value_figures import draw_value_figures
from benchmarks.report.values.value_markdown import format_value_latex, format_value_markdown, render_value_summary
from benchmarks.report.values.value_page import render_value_page
from benchmarks.report.values.value_types import ValueReportContent
from benchmarks.statistics.count_metrics import check_metric
from benchmarks.statistics.value_metrics import check_value_metric
from featurestore.storage.atomic import replace_atomically, write_text

PAGE, RESULTS, MARKDOWN, CSV, TEX, FIGURES = (
    "report.html",
    "results.json",
    "report.md",
    "leaderboard.csv",
    "leaderboard.tex",
    "figures",
)
OWN = (
    r"(leaderboard|confusion-\d+|predictions-\d+|modalities|missing|layers|reliability|selective|epochs|sizes)"
    r"\.(svg|png)"
)


@dataclass(frozen=True)
class Renderer:
    """The functions that render the content of a report, of classes or of values."""

    draw_figures: Callable[[Any], Iterable[Drawing]]
    format_markdown: Callable[[Any, Mapping[str, str]], str]
    format_latex: Callable[[Any], str]
    render_page: Callable[[Any, Mapping[str, str]], str]


_OF_CLASSES = Renderer(draw_figures, exports.format_markdown, exports.format_latex, html_page.render_page)
_OF_VALUES = Renderer(draw_value_figures, format_value_markdown, format_value_latex, render_value_page)


def make_report(
    folder: Path, out: Path, against: Path | None = None, metric: str | None = None
) -> ReportContent | ValueReportContent:
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
    targets = results.read_about(folder).get("targets", ())
    if metric is not None:
        check_value_metric(metric, targets) if targets else check_metric(metric)
    found = replace(read_any_results(folder), headline=metric or "")
    other = None if against is None else read_any_results(against)
    content, _ = describe_results(found, other)
    write_report(content, out)
    return content


def describe_results(
    found: AnyResults, other: AnyResults | None = None
) -> tuple[ReportContent | ValueReportContent, str]:
    """Return the content of the report of a benchmark of classes or of values, and its tables in Markdown.

    Args:
        found: the benchmark.
        other: another benchmark to compare the same systems with.

    Raises:
        BadValue: the two benchmarks have nothing in common.
    """
    if isinstance(found, ValueResults):
        values = build_value_content(found, other)
        return values, render_value_summary(values)
    content = build_content(found, other)
    return content, render_summary(content)


def write_report(content: ReportContent | ValueReportContent, out: Path) -> None:
    """Write figures and exports from the report's content, and the page last.

    Args:
        content: of the report.
        out: the page.
    """
    drawn, labels = {}, {}
    renderer = _OF_VALUES if "targets" in content else _OF_CLASSES
    folder = out.parent / FIGURES
    folder.mkdir(parents=True, exist_ok=True)
    for one in renderer.draw_figures(content):
        drawn[one.name], labels[one.name] = to_svg(one.figure, one.name, one.label), one.label
        write_text(folder / f"{one.name}.svg", drawn[one.name] + "\n")
        _write_bytes(folder / f"{one.name}.png", to_png(one.figure))
    for path in folder.iterdir():  # figures of an earlier report would show other systems
        if path.stem not in drawn and re.fullmatch(OWN, path.name):
            path.unlink()
    write_text(out.parent / RESULTS, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    write_text(out.parent / MARKDOWN, renderer.format_markdown(content, labels))
    write_text(out.parent / CSV, exports.format_csv(content))
    write_text(out.parent / TEX, renderer.format_latex(content))
    write_text(out, renderer.render_page(content, drawn))


def _write_bytes(path: Path, raw: bytes) -> None:
    with replace_atomically(path) as temporary:
        temporary.write_bytes(raw)

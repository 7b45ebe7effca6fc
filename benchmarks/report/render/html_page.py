"""Render the report as one self-contained HTML page."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.report.analysis.content_types import BenchmarkContent, ReportContent
from benchmarks.report.analysis.leak_marks import find_leaks
from benchmarks.report.render import flaw_table, missing_table, recognized_table, report_lookups
from benchmarks.report.render.figure_style import GRID, INK, SOFT
from benchmarks.report.render.jinja_templates import make_environment
from benchmarks.report.render.metric_columns import list_main_metrics, list_page_metrics
from benchmarks.report.render.plotting import LEAKED, SERIES
from benchmarks.statistics import vote_formatting
from benchmarks.statistics.formatting import (
    format_bytes,
    format_ends,
    format_p_value,
    format_percent,
    format_points,
    name_metric,
)
from benchmarks.statistics.vote_metrics import VOTE_METRICS

TEMPLATE = "report.html.j2"
FILTERS: dict[str, Callable[..., Any]] = {
    "bytes": format_bytes,
    "percent": format_percent,
    "points": format_points,
    "metric": name_metric,
    "opening": lambda text: text[:1].upper() + text[1:],
    "p": format_p_value,
    "ends": lambda one: format_ends(one["low"], one["high"]),
    "shared": flaw_table.describe_shared,
    "flaw": flaw_table.describe_flaw,
    "vote_metric": vote_formatting.name_vote_metric,
    "vote": lambda pair: split_ends(vote_formatting.format_vote_figure(*pair)),
    "vote_difference": lambda pair: split_ends(vote_formatting.format_vote_figure(*pair, difference=True)),
    "point_ends": lambda one: format_ends(one["low"], one["high"], difference=True),
}
_MARKED = Markup('{} <span class="leaked" title="leaked">!</span>')  # format() escapes the name
_QUESTIONED = Markup('{} <span class="unknown" title="whether an encoder saw these utterances is unknown">?</span>')
_VARIABLES = {INK: "ink", SOFT: "rule", GRID: "grid", LEAKED: "bad"} | {
    color: f"s{number}" for number, color in enumerate(SERIES)
}


def render_page(content: ReportContent, drawn: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        content: of the report.
        drawn: the SVG of each figure, by name.
    """
    return render_template(
        TEMPLATE,
        content,
        drawn,
        FILTERS,
        in_percent=True,
        published=report_lookups.group_published_figures(content["published"]),
        name_published=report_lookups.name_published,
        comparable=report_lookups.select_comparable(content),
        headline=name_metric(content["metric"]),
        shown=list_page_metrics(content["metric"]),
        main=list_main_metrics(content["metric"]),
        missing_sentences=_explain_missing(content) if "missing" in content else (),
        missing_counts=list(missing_table.list_counts(content["missing"]["curves"])) if "missing" in content else [],
        list_errors=recognized_table.list_errors,
        describe_uncounted=recognized_table.describe_uncounted,
        vote_metrics=VOTE_METRICS,
        flaw_groups=flaw_table.group_flaws(content) if "flaws" in content else [],
        flaw_notes=flaw_table.list_notes(content) if "flaws" in content else [],
        flaw_sentences=(flaw_table.SENTENCE, flaw_table.explain_columns(content["metric"])),
    )


def split_ends(text: str) -> tuple[str, str]:
    """Split a formatted figure into its value and the ends of its interval.

    >>> split_ends("0.412 [0.300, 0.500]")
    ('0.412', '[0.300, 0.500]')
    """
    value, _, ends = text.partition(" ")
    return value, ends


def render_template(
    template: str,
    content: BenchmarkContent,
    drawn: Mapping[str, str],
    filters: Mapping[str, Callable[..., Any]],
    **values: Any,
) -> str:
    """Return the page of a template, with what the pages of classes and of values share.

    Args:
        template: its file in this folder.
        content: of the report.
        drawn: the SVG of each figure, by name.
        filters: that format figures, by name.
        values: what else the template reads, by name.
    """
    environment = make_environment("benchmarks.report.render")
    environment.filters |= filters
    leaked = find_leaks(content)
    unknown = {row["system"] for row in content["leaderboard"] if "exposure" in row}
    environment.filters["marked"] = lambda name: _mark(name, name in leaked, name in unknown)
    environment.filters["questioned"] = lambda name: _mark(name, False, name in unknown)
    script = _read("report.js")
    return environment.get_template(template).render(
        content=content,
        css=Markup(_read("report.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        svg={name: Markup(_use_page_colors(text)) for name, text in drawn.items()},
        pairs=report_lookups.index_pairs(content["pairs"]),
        leaked_names=leaked,
        baselines={row["system"] for row in content["leaderboard"] if is_baseline(row["head"])},
        counts=report_lookups.count_outcomes(content["checks"]),
        **values,
    )


def _explain_missing(content: ReportContent) -> tuple[str, str]:
    return missing_table.explain_masking(content["missing"]), missing_table.explain_shares(content["metric"])


def _mark(name: str, is_leaked: bool, is_unknown: bool) -> str:
    """Return a system's name with marks of a leak and of unknown exposure."""
    marked = _MARKED.format(name) if is_leaked else name
    return _QUESTIONED.format(marked) if is_unknown else marked


def _use_page_colors(svg: str) -> str:
    """Replace the colors of a figure by the page's variables, so that it follows light and dark mode."""

    def variable(found: re.Match[str]) -> str:
        return f"var(--{_VARIABLES[found[0]]})" if found[0] in _VARIABLES else found[0]

    return re.sub("#[0-9a-f]{6}", variable, svg)


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")

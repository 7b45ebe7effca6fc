"""The report as one HTML page that needs nothing else: a pure function of its content."""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from benchmarks.report.render import tables
from benchmarks.report.render.drawing import GRID, INK, SOFT
from benchmarks.report.render.figures import LEAKED, SERIES
from benchmarks.report.render.templates import environment
from benchmarks.statistics.formatting import format_percent, format_points

TEMPLATE = "report.html.j2"
FILTERS = {"size": tables.size, "percent": format_percent, "points": format_points, "p": tables.p_value}
_MARKED = Markup('{} <span class="leaked" title="leaked">!</span>')  # what it is given is escaped
_VARIABLES = {INK: "ink", SOFT: "rule", GRID: "grid", LEAKED: "bad"} | {
    colour: f"s{number}" for number, colour in enumerate(SERIES)
}


def render(content: Mapping[str, Any], drawn: Mapping[str, str]) -> str:
    """The page.

    Args:
        content: of the report.
        drawn: the SVG of each figure by name.
    """
    pages = environment("benchmarks.report.render")
    pages.filters |= FILTERS
    marked = tables.leaked(content)
    pages.filters["marked"] = lambda name: _MARKED.format(name) if name in marked else name
    script = _file("report.js")
    return pages.get_template(TEMPLATE).render(
        content=content,
        css=Markup(_file("report.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        svg={name: Markup(_themed(text)) for name, text in drawn.items()},
        pairs=tables.both_ways(content["pairs"]),
        published=tables.published(content["published"]),
        comparable=tables.comparable(content),
        marked=marked,
        counts=tables.outcomes(content["checks"]),
    )


def _themed(svg: str) -> str:
    """The figure in the page's own colours, light or dark."""
    return re.sub(
        "#[0-9a-f]{6}", lambda found: f"var(--{_VARIABLES[found[0]]})" if found[0] in _VARIABLES else found[0], svg
    )


def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")

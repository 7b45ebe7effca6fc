"""Render the paper's results as one self-contained HTML page and as Markdown."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from benchmarks.paper import paper_figures, paper_tables, related_table
from benchmarks.paper.paper_plan import read_published_figures
from benchmarks.report.render.jinja_templates import make_environment
from benchmarks.report.render.markdown_table import escape_cell
from featurestore.storage.atomic import write_text

NAMES = {"text": "Text model", "audio": "Audio model", "fusion": "Fusion"}


def write_pages(results: Mapping[str, Any], out: Path) -> None:
    """Write `paper.html` and `paper.md` into a folder, and each figure as an SVG file for `paper.md`."""
    drawn = _draw_figures(results)
    for name, svg in drawn.items():
        write_text(out / "figures" / f"{name}.svg", svg + "\n")
    for page in ("paper.html", "paper.md"):
        write_text(out / page, render_page(page, results, drawn))


def render_page(page: str, results: Mapping[str, Any], drawn: Mapping[str, str]) -> str:
    """Return a page as text.

    Args:
        page: `paper.html` or `paper.md`.
        results: the content of `results.json`.
        drawn: the SVG of each figure, by name.
    """
    environment = make_environment("benchmarks.paper")
    environment.filters |= {"cell": escape_cell, "code": mark_code}
    return environment.get_template(f"{page}.j2").render(
        results=results,
        source=read_published_figures()["source"],
        sections=[_section(results, name) for name in NAMES],
        heads=paper_tables.heads_table(results),
        related=related_table.build_related_table(results),
        related_header=related_table.HEADER,
        svg={name: Markup(text) for name, text in drawn.items()},
    )


def mark_code(text: str) -> Markup:
    """Return text for HTML, with what stands between backticks as code.

    >>> mark_code("a < b, see `cli paper`")
    Markup('a &lt; b, see <code>cli paper</code>')
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _section(results: Mapping[str, Any], name: str) -> dict[str, Any]:
    captions = _captions(results["stages"][name], name)
    return {
        "title": NAMES[name],
        "tables": paper_tables.stage_tables(results, name),
        "figures": [{"file": file, "caption": caption} for file, caption in captions.items()],
    }


def _captions(stage: Mapping[str, Any], name: str) -> dict[str, str]:
    numbers = read_published_figures()["stages"][name]["figures"]
    captions = {}
    for index, block in enumerate(stage["blocks"]):
        number = f"Fig. {numbers[index]}" if index < len(numbers) else "Not in the paper"
        start, end = block["epochs"]
        captions[f"{name}{index}"] = (
            f"{number}. {NAMES[name]}, epochs {start} to {end}: loss and accuracy; confusion matrix of the "
            f"{stage['test']:,} test turns after epoch {end}."
        )
    return captions


def _draw_figures(results: Mapping[str, Any]) -> dict[str, str]:
    return {"distribution": paper_figures.draw_labels(results["corpus"]), **dict(_draw_blocks(results))}


def _draw_blocks(results: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in NAMES:
        stage = results["stages"][name]
        for index in range(len(stage["blocks"])):
            yield f"{name}{index}", paper_figures.draw_block(stage, index)

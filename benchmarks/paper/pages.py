"""One HTML page that needs nothing else, and one of Markdown: pure functions of the results, the same bytes again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from benchmarks.paper import figures, tables
from benchmarks.paper.plan import published
from benchmarks.report.render.jinja_templates import make_environment
from featurestore.storage.atomic import write_text

NAMES = {"text": "Text model", "audio": "Audio model", "fusion": "Fusion"}


def write(results: Mapping[str, Any], out: Path) -> None:
    """Writes `paper.html` and `paper.md` into a folder, and each figure as an SVG file for the latter."""
    drawn = _drawn(results)
    for name, svg in drawn.items():
        write_text(out / "figures" / f"{name}.svg", svg + "\n")
    for page in ("paper.html", "paper.md"):
        write_text(out / page, render(page, results, drawn))


def render(page: str, results: Mapping[str, Any], drawn: Mapping[str, str]) -> str:
    """A page as text: `paper.html` or `paper.md`."""
    pages = make_environment("benchmarks.paper")
    pages.filters["cell"] = _cell
    return pages.get_template(f"{page}.j2").render(
        results=results,
        source=published()["source"],
        sections=[_section(results, name) for name in NAMES],
        heads=tables.of_heads(results),
        svg={name: Markup(text) for name, text in drawn.items()},
    )


def _section(results: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {
        "title": NAMES[name],
        "tables": tables.of_stage(results, name),
        "figures": [
            {"file": file, "caption": caption} for file, caption in _captions(results["stages"][name], name).items()
        ],
    }


def _captions(stage: Mapping[str, Any], name: str) -> dict[str, str]:
    numbers = published()["stages"][name]["figures"]
    captions = {}
    for index, block in enumerate(stage["blocks"]):
        number = f"Fig. {numbers[index]}" if index < len(numbers) else "Beyond the paper's figures"
        start, end = block["epochs"]
        captions[f"{name}{index}"] = (
            f"{number}. {NAMES[name]}, epochs {start} to {end}: loss and accuracy; confusion matrix of the "
            f"{stage['test']:,} held-out turns after epoch {end}."
        )
    return captions


def _drawn(results: Mapping[str, Any]) -> dict[str, str]:
    return {"distribution": figures.distribution(results["corpus"]), **dict(_blocks(results))}


def _blocks(results: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in NAMES:
        stage = results["stages"][name]
        for index in range(len(stage["blocks"])):
            yield f"{name}{index}", figures.block(stage, index)


def _cell(text: str) -> str:
    """A cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")

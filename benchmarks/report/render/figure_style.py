"""Style matplotlib figures and export them: inline SVG for a page, PNG for a file."""

import io
import re

from matplotlib.figure import Figure

INK, SOFT, GRID = "#22303c", "#8c959f", "#e3e7eb"
STYLE = {
    "svg.fonttype": "none",  # text stays text: it is small, and can be selected
    "svg.hashsalt": "emofuse",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "text.parse_math": False,  # a dollar in a name is a dollar
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.axisbelow": True,
}


def to_svg(figure: Figure, name: str, label: str) -> str:
    """Return a figure as an SVG element for a page, without date and prologue.

    Args:
        figure: drawn with `STYLE`.
        name: prefix of every id, so that the figures of a page have different ids.
        label: what the figure shows, for screen readers.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    figure.set_layout_engine(None)  # the layout is done; with any engine, even "none", a PNG would be drawn twice
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.S)
    references = r'(url\(#|href="#)([\w.-]+)'
    used = {found for _, found in re.findall(references, text)}
    text = re.sub(r' id="([\w.-]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", text)
    text = re.sub(references, rf"\g<1>{name}-\g<2>", text)
    text = re.sub(r'(<svg [^>]*?) width="[\d.]+pt"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?) height="[\d.]+pt"', r"\1", text, count=1)
    return text.replace("<svg ", f'<svg role="img" aria-label="{_escape_attribute(label)}" ', 1).strip()


def to_png(figure: Figure) -> bytes:
    """Return a figure as PNG on white, with 200 dots per inch and without a date."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    return file.getvalue()


def _escape_attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")

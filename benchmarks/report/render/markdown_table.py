"""Format tables in Markdown."""

import html
from collections.abc import Sequence


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table with aligned columns. A bar inside a cell is escaped.

    >>> format_table(["head", "n"], [["svm", "12"]])
    ['| head | n  |', '| ---- | -- |', '| svm  | 12 |']
    """
    cells = [[escape_cell(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [cells[0], ["-" * width for width in widths], *cells[1:]]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in lines
    ]


def escape_cell(text: object) -> str:
    r"""Return text for a cell: bars escaped, on one line.

    >>> escape_cell("a|b")
    'a\\|b'
    """
    return str(text).replace("|", r"\|").replace("\n", " ")


def escape_text(text: str) -> str:
    """Escape text of the corpus, which may hold any character, for Markdown.

    >>> escape_text("<b>[x]*")
    '&lt;b&gt;&#91;x]&#42;'
    """
    return html.escape(text, quote=False).replace("`", "&#96;").replace("[", "&#91;").replace("*", "&#42;")

"""Tables in Markdown."""

from collections.abc import Sequence


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table, columns aligned; a bar inside a cell is escaped.

    >>> markdown(["head", "n"], [["svm", "12"]])
    ['| head | n  |', '| ---- | -- |', '| svm  | 12 |']
    """
    cells = [[cell.replace("|", r"\|").replace("\n", " ") for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [cells[0], ["-" * width for width in widths], *cells[1:]]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in lines
    ]

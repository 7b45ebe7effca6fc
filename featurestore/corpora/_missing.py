"""Cells that look like a missing value written out: a class, a speaker or a text called `nan` is rarely meant."""

from collections import Counter
from collections.abc import Iterable, Sequence

from featurestore.corpora import Finding
from featurestore.manifest import COLUMNS, NUMBERS, Utterance

_WORDS = frozenset({"nan", "none", "null", "na", "n/a", "#n/a", "<na>", "nat"})  # as pandas, R, SQL and Excel write it
_TEXTS = tuple(name for name in COLUMNS if name not in NUMBERS and name not in ("id", "audio", "votes"))


def findings(rows: Sequence[Utterance], columns: Sequence[str] = _TEXTS) -> tuple[Finding, ...]:
    """Report cells that look like a missing value, by column; they are kept as they are."""
    found = ((name, _counted(getattr(row, name) for row in rows)) for name in columns)
    return tuple(Finding(_what(name), where) for name, where in found if where)


def _what(column: str) -> str:
    kept = "a class of its own" if column == "label" else "they are"
    what = f"{column}s that look like a missing value, kept as {kept}; empty these cells where nothing is known"
    return f"{what}, or leave the class out by null in a label map" if column == "label" else what


def _counted(cells: Iterable[str]) -> tuple[str, ...]:
    counts = Counter(cell for cell in cells if cell.strip().casefold() in _WORDS)
    return tuple(f"{cell!r} on {count} row{'s' * (count > 1)}" for cell, count in counts.items())

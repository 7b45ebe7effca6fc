"""Everything that the report shows, as one plain JSON object: `results.json`, from which page and exports are made.

`results.schema.json` in `benchmarks/report` describes it.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from benchmarks.grid.results import Results
from benchmarks.report.analysis import curves, modalities
from benchmarks.report.analysis.against import against
from benchmarks.report.analysis.calibration import calibration
from benchmarks.report.analysis.confusion import confusion
from benchmarks.report.analysis.mistakes import mistakes
from benchmarks.report.analysis.provenance import provenance
from benchmarks.report.analysis.summary import summarise
from benchmarks.report.analysis.verdict import equals, sentence
from benchmarks.report.render.tables import leaked

FORMAT = 1
FEATURED = 8  # systems that are drawn one by one
_BY_SYSTEM = ("confusion", "calibration")
_OF_SYSTEMS = ("pairs", "modalities", "shuffled", "layers", "epochs", "sizes", "mistakes")  # entries name what they use
_NAMES = ("system", "first", "second")
_DIGITS = 6  # the last ones of a float differ between processors


def content(results: Results, other: Results | None = None) -> dict[str, Any]:
    """The summary, and beside it what the figures and tables of the report are made of.

    Args:
        results: of the benchmark.
        other: another benchmark to set the same systems against.

    Raises:
        BadValue: the two have nothing in common.
    """
    summary = rounded(summarise(results))  # at once, so that the sentence and the tables say the same
    found = {
        "format": FORMAT,
        "sentence": sentence(summary),
        **summary,
        "best": equals(summary),
        "published": results.about["published"],
        "featured": featured(summary["leaderboard"]),
        "confusion": {system.name: confusion(system) for system in results.systems},
        "calibration": {system.name: calibration(system) for system in results.systems},
        "against": None if other is None else against(results, other),
        "modalities": modalities.brings(results, summary),
        "shuffled": modalities.shuffled(results),
        "layers": modalities.layers(summary),
        "epochs": curves.epochs(results),
        "sizes": curves.sizes(results, summary),
        "mistakes": mistakes(results, summary["leaderboard"]),
        "provenance": provenance(results),
    }
    plain: dict[str, Any] = rounded(_marked(found))
    return plain


def featured(leaderboard: Sequence[Mapping[str, Any]]) -> list[str]:
    """The systems that are drawn one by one: the best of each head, then the next best, eight at most, best first."""
    first = {row["head"]: row["system"] for row in reversed(leaderboard)}
    names = [row["system"] for row in leaderboard]
    chosen = [name for name in names if name in first.values()] + [name for name in names if name not in first.values()]
    return sorted(chosen[:FEATURED], key=names.index)


def _marked(found: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with `leaked` in every entry whose figures rest on a leaked system or control."""
    names = leaked(found)
    parts = {part: _entries(found[part], names) for part in _OF_SYSTEMS}
    tables = {
        part: {name: one | ({"leaked": True} if name in names else {}) for name, one in found[part].items()}
        for part in _BY_SYSTEM
    }
    return {**found, **parts, **tables}


def _entries(value: Any, names: AbstractSet[str]) -> Any:
    if isinstance(value, Mapping):
        mark = {"leaked": True} if names & {value.get(key) for key in _NAMES if key in value} else {}
        return {name: _entries(item, names) for name, item in value.items()} | mark
    return [_entries(item, names) for item in value] if isinstance(value, list) else value


def rounded(value: Any) -> Any:
    """The same with six significant digits of each float, and lists for tuples.

    >>> rounded({"p": (0.123456789, 1)})
    {'p': [0.123457, 1]}
    """
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {name: rounded(item) for name, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, (list, tuple)) else value

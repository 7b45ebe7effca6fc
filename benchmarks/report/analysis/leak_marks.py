"""Mark every entry of the report's content that has figures of a leaked system."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast

from benchmarks.report.analysis.content_types import BenchmarkContent, ReportContent

_BY_SYSTEM = ("confusion", "calibration")
_OF_SYSTEMS = (
    "pairs",
    "modalities",
    "recognized",
    "shuffled",
    "layers",
    "epochs",
    "sizes",
    "mistakes",
    "missing",
    "votes",
)
_NAMES = ("system", "first", "second")  # keys by which an entry names its systems


def find_leaks(summary: BenchmarkContent) -> set[str]:
    """Return the names of the systems and controls whose figures are leaked."""
    systems = [row["system"] for row in summary["leaderboard"] if row["leak"]]
    return {*systems, *(row["control"] for row in summary["controls"] if row["leak"])}


def mark_leaks(content: ReportContent) -> ReportContent:
    """Return the content with `leaked` in every entry that names a leaked system or control."""
    return cast(ReportContent, mark_entries(content, _OF_SYSTEMS, _BY_SYSTEM))


def mark_entries(content: BenchmarkContent, lists: Sequence[str], tables: Sequence[str]) -> dict[str, Any]:
    """Return a report's content with `leaked` in some of its parts.

    Args:
        content: of the report.
        lists: parts whose entries name systems or controls.
        tables: parts that hold an entry by the name of its system.
    """
    names = find_leaks(content)
    plain = cast(Mapping[str, Any], content)
    marked = {part: _mark(plain[part], names) for part in lists if part in plain}
    by_system = {
        part: {name: one | ({"leaked": True} if name in names else {}) for name, one in plain[part].items()}
        for part in tables
    }
    return {**plain, **marked, **by_system}


def _mark(value: Any, names: AbstractSet[str]) -> Any:
    if isinstance(value, Mapping):
        mark = {"leaked": True} if names & {value.get(key) for key in _NAMES if key in value} else {}
        return {name: _mark(item, names) for name, item in value.items()} | mark
    return [_mark(item, names) for item in value] if isinstance(value, list) else value

"""Mark every entry of the report's content that has figures of a leaked system."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, cast

from benchmarks.report.analysis.content_types import ReportContent, SummaryContent

_BY_SYSTEM = ("confusion", "calibration")
_OF_SYSTEMS = ("pairs", "modalities", "recognized", "shuffled", "layers", "epochs", "sizes", "mistakes", "votes")
_NAMES = ("system", "first", "second")  # keys by which an entry names its systems


def find_leaks(summary: SummaryContent) -> set[str]:
    """Return the names of the systems and controls whose figures are leaked."""
    systems = [row["system"] for row in summary["leaderboard"] if row["leak"]]
    return {*systems, *(row["control"] for row in summary["controls"] if row["leak"])}


def mark_leaks(content: ReportContent) -> ReportContent:
    """Return the content with `leaked` in every entry that names a leaked system or control."""
    names = find_leaks(content)
    plain = cast(Mapping[str, Any], content)
    parts = {part: _mark(plain[part], names) for part in _OF_SYSTEMS if part in plain}
    tables = {
        part: {name: one | ({"leaked": True} if name in names else {}) for name, one in plain[part].items()}
        for part in _BY_SYSTEM
    }
    return cast(ReportContent, {**plain, **parts, **tables})


def _mark(value: Any, names: AbstractSet[str]) -> Any:
    if isinstance(value, Mapping):
        mark = {"leaked": True} if names & {value.get(key) for key in _NAMES if key in value} else {}
        return {name: _mark(item, names) for name, item in value.items()} | mark
    return [_mark(item, names) for item in value] if isinstance(value, list) else value

"""P-values and sizes as people read them, and lookups that several tables share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.checks import FAILED, NOT_APPLICABLE, PASSED
from benchmarks.report.analysis.modalities import turned


def p_value(value: float) -> str:
    """A p-value to three decimals.

    >>> p_value(0.00012), p_value(0.0421), p_value(1.0)
    ('< 0.001', '0.042', '1')
    """
    if value < 0.001:
        return "< 0.001"
    return "1" if value >= 0.9995 else f"{value:.3f}"


def size(count: float) -> str:
    """Bytes in the unit that leaves one to three digits before the point.

    >>> size(831), size(48_700), size(271_000_000)
    ('831 B', '48.7 kB', '271.0 MB')
    """
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= least:
            return f"{count / least:.1f} {unit}"
    return f"{count:.0f} B"


def both_ways(pairs: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Each comparison by its two names, and turned round by the same the other way."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {(pair["first"], pair["second"]): pair for pair in pairs}
    return found | {(pair["second"], pair["first"]): turned(pair) for pair in pairs}


def leaked(content: Mapping[str, Any]) -> set[str]:
    """The names of the systems whose figures are leaked, and of their controls."""
    rows = [row["system"] for row in content["leaderboard"] if row["leak"]]
    return {*rows, *(row["control"] for row in content["controls"] if row["leak"])}


def comparable(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The published figures that are not known to be of another protocol: only these are drawn."""
    return [one for one in content["published"] if one.get("protocol", "") in ("", content["protocol"])]


def published(figures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Published figures, those of one system together: `name`, `values` by metric, `source`, `note`, `protocol`."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in figures:
        about = {name: one.get(name, "") for name in ("name", "source", "note", "protocol")}
        rows.setdefault(tuple(about.values()), about | {"values": {}})["values"][one["metric"]] = one["value"]
    return list(rows.values())


def outcomes(checks: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many checks passed, failed and did not apply."""
    counts = Counter(check["outcome"] for check in checks)
    return {outcome: counts[outcome] for outcome in (PASSED, FAILED, NOT_APPLICABLE)}

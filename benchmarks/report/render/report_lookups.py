"""Look up what several tables of the report share: pairs by name, published figures, counts of checks."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmarks.checks import FAILED, NOT_APPLICABLE, PASSED
from benchmarks.report.analysis.content_types import CheckContent, PublishedContent, ReportContent
from benchmarks.report.analysis.modalities import reverse_pair
from benchmarks.report.analysis.system_types import PairContent
from benchmarks.statistics.formatting import format_percent


def index_pairs(pairs: Sequence[PairContent]) -> dict[tuple[str, str], PairContent]:
    """Return each comparison by its two names, in both orders."""
    found = {(pair["first"], pair["second"]): pair for pair in pairs}
    return found | {(pair["second"], pair["first"]): reverse_pair(pair) for pair in pairs}


def select_comparable(content: ReportContent) -> list[PublishedContent]:
    """Return the published figures of the same protocol: only these are drawn."""
    return [one for one in content["published"] if one.get("protocol") == content["protocol"]]


def group_published_figures(figures: Sequence[PublishedContent]) -> list[dict[str, Any]]:
    """Return published figures by system: `name`, `values` by metric, `source`, `note` and `protocol`."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in figures:
        about = {
            "name": one["name"],
            "source": one["source"],
            "note": one["note"],
            "protocol": one.get("protocol", ""),
        }
        rows.setdefault(tuple(about.values()), about | {"values": {}})["values"][one["metric"]] = one["value"]
    return list(rows.values())


def name_published(figures: Mapping[str, Any], shown: Collection[str]) -> str:
    """Return the name of a published system, with those of its figures that have no column.

    >>> name_published({"name": "A", "values": {"accuracy": 0.7, "weighted_f1": 0.652}}, ["accuracy"])
    'A, weighted f1 65.2 %'
    """
    others = ((metric, value) for metric, value in figures["values"].items() if metric not in shown)
    named = (f"{metric.replace('_', ' ')} {format_percent(value)} %" for metric, value in others)
    return ", ".join([figures["name"], *named])


def count_outcomes(checks: Sequence[CheckContent]) -> dict[str, int]:
    """Count the checks that passed, that failed and that do not apply."""
    counts: Counter[str] = Counter(check["outcome"] for check in checks)
    return {outcome: counts[outcome] for outcome in (PASSED, FAILED, NOT_APPLICABLE)}

"""The one sentence that a report begins with."""

from collections.abc import Mapping
from typing import Any

from benchmarks.statistics.formatting import format_interval
from benchmarks.statistics.metrics import METRIC


def sentence(summary: Mapping[str, Any]) -> str:
    """What was compared, on what, by which protocol, n, and who wins, that nobody does, or that nobody could."""
    return f"{_compared(summary)}: {_verdict(summary)}."


def equals(summary: Mapping[str, Any]) -> list[str]:
    """The systems that cannot be told apart from the first of the leaderboard, itself among them."""
    best, *others = summary["leaderboard"]
    apart = {
        frozenset((pair["first"], pair["second"])) for pair in summary["pairs"] if pair["p_holm"] < summary["level"]
    }
    return [best["system"], *(row["system"] for row in others if {best["system"], row["system"]} not in apart)]


def _compared(summary: Mapping[str, Any]) -> str:
    rows = summary["leaderboard"]
    heads, sets = (len({row[name] for row in rows}) for name in ("head", "feature_set"))
    what = f"{_count(heads, 'head')} on {_count(sets, 'feature set')}"
    if heads > 1 and sets > 1:
        what += f" ({_count(len(rows), 'system')})"
    return (
        f"{what} compared on {summary['corpus']}, {len(summary['classes'])} classes, by protocol {summary['protocol']} "
        f"({_count(summary['folds'], 'fold')}), n = {summary['n']:,} test utterances"
    )


def _verdict(summary: Mapping[str, Any]) -> str:
    best, *others = summary["leaderboard"]
    found = best["metrics"][METRIC]
    figure = format_interval(found["value"], found["low"], found["high"], " %")
    reaches = f"unweighted average recall, {figure}{', a leaked figure' if best['leak'] else ''}"
    same, few = len(equals(summary)) - 1, summary["few"]
    if not others:
        return f"{best['system']} reaches an {reaches}{f'; {few}' if few else ''}"
    if few:
        return f"{few}; {best['system']} has the highest {reaches}"
    if not same:
        return f"{best['system']} wins with the highest {reaches}, significantly above every other system"
    return (
        f"nobody wins; {best['system']} has the highest {reaches}, and {same} of the {len(others)} others cannot be "
        "told apart from it"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

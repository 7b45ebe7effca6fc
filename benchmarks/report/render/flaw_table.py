"""Format the table of protocol flaws: cells that the page and the Markdown share."""

from collections.abc import Iterator
from typing import Any, TypedDict

from benchmarks.evaluation.flaws import BEST_EPOCH
from benchmarks.report.analysis.content_types import SummaryContent
from benchmarks.report.analysis.system_types import FlawContent, FlawDifferenceContent, SharedContent, SystemContent
from benchmarks.report.render.markdown_table import format_table
from benchmarks.report.render.metric_columns import list_main_metrics
from benchmarks.statistics.formatting import format_interval, name_metric

SENTENCE = (
    "These are controls and not results: each repeats a flaw of published experiments, to measure what it is worth on "
    "this corpus."
)


class FlawGroup(TypedDict):
    """A system with its rows under flaws."""

    system: SystemContent
    rows: list[FlawContent]


def explain_columns(metric: str) -> str:
    """Explain the columns of the table, the headline metric being `metric`."""
    return (
        f"Difference: minus the same system by the benchmark's own protocol in {name_metric(metric)}, on the "
        "utterances that both test (n of both), over common seeds, by a paired bootstrap. Shared: how many of the "
        "speakers, or dialogues, in test are also in the training part of the same fold."
    )


def group_flaws(summary: SummaryContent) -> list[FlawGroup]:
    """Return each system that was run under flaws with its rows, in the order of the leaderboard."""
    rows = summary["flaws"]["rows"]
    groups: list[FlawGroup] = [
        {"system": system, "rows": [row for row in rows if row["system"] == system["system"]]}
        for system in summary["leaderboard"]
    ]
    return [group for group in groups if group["rows"]]


def describe_flaw(row: FlawContent) -> str:
    """Return the name of a flaw, with the least and the greatest epoch that was chosen on test."""
    if row["flaw"] != BEST_EPOCH:
        return row["flaw"]
    least, most = min(row["epochs"]), max(row["epochs"])
    return f"{BEST_EPOCH} (epochs {least} to {most})" if most > least else f"{BEST_EPOCH} (epoch {least})"


def describe_shared(shared: SharedContent) -> str:
    """Return how many of the speakers or dialogues in test are in training, too, or a dash where none has a name."""
    return f"{shared['shared']} of {shared['tested']}" if shared["tested"] else "–"


def list_notes(summary: SummaryContent) -> list[str]:
    """Return the caveats of the table: test parts with too few clusters, leaks, and flaws that were not run."""
    flaws, own = summary["flaws"], summary["protocol"]
    others = [row for row in flaws["rows"] if row["protocol"] != own]
    few = [f"{row['protocol']}: {row['few']}" for row in others if row["few"]]
    few += [f"difference of {row['protocol']}: {one['few']}" for row in others if (one := _find_few(row))]
    leaks = [f"! leaked: {row['control']}: {row['leak']}" for row in flaws["rows"] if row["leak"]]
    return [*dict.fromkeys(few), *leaks, *flaws["left_out"]]


def _find_few(row: FlawContent) -> FlawDifferenceContent | None:
    """Return the difference if only its utterances, those of both, have too few clusters."""
    found = row.get("difference")
    return found if found and found["few"] not in ("", row["few"]) else None


def format_flaws(summary: SummaryContent) -> Iterator[str]:
    """Yield the lines of the section in Markdown."""
    yield from ("## Protocol flaws", "", SENTENCE, "")
    cells = [row for group in group_flaws(summary) for row in _list_cells(summary, group)]
    names = [f"{name.replace('_', ' ')} %" for name in list_main_metrics(summary["metric"])]
    header = ["system", "run", *names, "difference, points", "n", "n of both", "speakers shared", "dialogues shared"]
    if cells:
        yield from (*format_table(header, cells), "", explain_columns(summary["metric"]), "")
    for line in list_notes(summary):
        yield from (f"Note: {line}.", "")


def _list_cells(summary: SummaryContent, group: FlawGroup) -> Iterator[list[str]]:
    honest, system = summary["flaws"]["honest"], group["system"]
    figures = _format_figures(summary, system["metrics"], system["leak"])
    shared = [describe_shared(honest["speakers"]), describe_shared(honest["dialogues"])]
    yield [system["system"], honest["protocol"], *figures, "", str(summary["n"]), "", *shared]
    for row in group["rows"]:
        figures, found = _format_figures(summary, row["metrics"], row["leak"]), row.get("difference")
        mark = "!" if row["leak"] or system["leak"] else ""
        points = format_interval(found["value"], found["low"], found["high"], mark, difference=True) if found else "–"
        shared = [describe_shared(row["speakers"]), describe_shared(row["dialogues"])]
        counts = [str(row["n"]), str(found["n"] if found else 0)]
        yield [system["system"], f"flaw: {describe_flaw(row)}", *figures, points, *counts, *shared]


def _format_figures(summary: SummaryContent, metrics: Any, leak: str) -> list[str]:
    found = (metrics[name] for name in list_main_metrics(summary["metric"]))
    return [format_interval(one["value"], one["low"], one["high"], "!" if leak else "") for one in found]

"""Format the summary of a benchmark in Markdown, for the terminal and for `report.md`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.report.analysis.content_types import CheckContent, SummaryContent
from benchmarks.report.analysis.leak_marks import find_leaks
from benchmarks.report.analysis.system_types import ControlContent, SystemContent
from benchmarks.report.analysis.verdict import find_best_systems
from benchmarks.report.render.flaw_table import format_flaws
from benchmarks.report.render.markdown_table import format_table
from benchmarks.report.render.metric_columns import list_main_metrics, list_summary_metrics
from benchmarks.report.render.recognized_table import format_recognized
from benchmarks.statistics.formatting import format_interval, format_percent, format_points, name_metric
from benchmarks.statistics.metrics import METRIC

_MOST_PAIRS = 28  # in the table; results.json has all


def render_summary(summary: SummaryContent) -> str:
    """Return the summary as text."""
    lines = [
        f"# {_title(summary)}",
        "",
        *_leaderboard(summary["leaderboard"], summary["metric"]),
        "",
        f"In brackets: {summary['interval']}. ± folds: standard deviation over folds; ± seeds: over seeds, of the "
        "pooled figures. Systems that share a letter do not differ significantly (paired bootstrap of the difference "
        f"in {name_metric(summary['metric'])} over {summary['over']}, Holm-corrected, 5 %).",
        *(f"! leaked: {row['system']}: {row['leak']}" for row in summary["leaderboard"] if row["leak"]),
        *(f"Note: {note}." for note in summary["notes"]),
        "",
        *_pairs(summary),
        *_controls(summary["controls"], summary["metric"]),
        *(format_flaws(summary) if "flaws" in summary else []),
        *(format_recognized(summary["recognized"]) if "recognized" in summary else []),
        "## Checks",
        "",
        *format_table(
            ["check", "outcome", "result"],
            [_check_cells(one) for one in sorted(summary["checks"], key=lambda one: str(one["outcome"]))],
        ),
    ]
    return "\n".join(lines) + "\n"


def format_system(row: SystemContent, metric: str = METRIC) -> list[str]:
    """Return the cells of a system in the leaderboard, by the headline metric."""
    mark, main = "!" if row["leak"] else "", row["metrics"][metric]
    spread = [main["sd_of_folds"], main["sd_of_seeds"]]
    return [
        row["group"],
        row["system"],
        *(_interval(row["metrics"][name], mark) for name in list_summary_metrics(metric)),
        *("" if value is None else f"{format_percent(value)}{mark}" for value in spread),
        f"{row['fit_seconds']:.2f}",
        f"{row['predict_microseconds']:.0f}",
    ]


def format_control(row: ControlContent, metric: str = METRIC) -> list[str]:
    """Return the cells of a control, by the headline metric."""
    mark = "!" if row["leak"] else ""
    return [
        row["control"],
        f"{row['train']:.0f}",
        *(_interval(row["metrics"][name], mark) for name in _list_control_metrics(metric)),
        f"{format_points(row['metrics'][metric]['minus_system'])}{mark}",
    ]


def _leaderboard(rows: Sequence[SystemContent], metric: str) -> list[str]:
    """Return the table, with a column for what heads read of a dialogue and for unknown exposure, if there are any."""
    names = [f"{_words(name)} %" for name in list_summary_metrics(metric)]
    header = ["letters", "system", *names, "± folds", "± seeds", "fit s", "predict µs"]
    cells = [format_system(row, metric) for row in rows]
    if any("context" in row for row in rows):
        header = [*header, "context"]
        cells = [[*found, row.get("context", "")] for found, row in zip(cells, rows, strict=True)]
    if any("exposure" in row for row in rows):
        header = [*header, "exposure"]
        cells = [[*found, "unknown" * ("exposure" in row)] for found, row in zip(cells, rows, strict=True)]
    return format_table(header, cells)


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _list_control_metrics(metric: str) -> tuple[str, str]:
    first, second = list_main_metrics(metric)
    return (first, second) if metric not in (METRIC, "accuracy") else ("accuracy", METRIC)


def _title(summary: SummaryContent) -> str:
    best, rows = find_best_systems(summary), summary["leaderboard"]
    verdict = f"{best[0]} is best" if len(best) == 1 else f"no significant winner among {len(best)}"
    what = f"{len(rows)} systems on {summary['corpus']}, {len(summary['classes'])} classes"
    if len(rows) == 1:
        verdict = best[0]
    elif summary["few"]:
        verdict = summary["few"]
    if len(best) == 1 and rows[0]["leak"]:
        verdict += ", by leaked figures"
    if len(best) == 1 and "exposure" in rows[0]:
        verdict += ", exposure unknown"
    return f"{what}, protocol {summary['protocol']}, n = {summary['n']}: {verdict}"


def _pairs(summary: SummaryContent) -> list[str]:
    pairs = summary["pairs"]
    if not pairs:
        return []
    leaked, best = find_leaks(summary), summary["leaderboard"][0]["system"]
    shown = pairs if len(pairs) <= _MOST_PAIRS else [pair for pair in pairs if best in (pair["first"], pair["second"])]
    header = [
        "first",
        "second",
        f"difference in {name_metric(summary['metric'])}, points",
        "p (Holm)",
        "McNemar p (Holm)",
    ]
    cells = [
        [
            pair["first"],
            pair["second"],
            _interval(pair, "!" if leaked & {pair["first"], pair["second"]} else "", difference=True),
            f"{pair['p_holm']:.3g}",
            f"{pair['mcnemar_p_holm']:.3g}",
        ]
        for pair in shown
    ]
    note = f"The comparisons with the best system, of {len(pairs)}; results.json has all."
    return ["## Comparisons", "", *format_table(header, cells), *(["", note] if len(shown) < len(pairs) else []), ""]


def _controls(found: Sequence[ControlContent], metric: str) -> list[str]:
    if not found:
        return []
    header = [
        "control",
        "train size",
        *(f"{_words(name)} %" for name in _list_control_metrics(metric)),
        "minus its system, points",
    ]
    table = format_table(header, [format_control(row, metric) for row in found])
    return ["## Controls", "", *table, "", *(line for note in _control_notes(found, metric) for line in (note, ""))]


def _control_notes(found: Sequence[ControlContent], metric: str) -> Iterator[str]:
    yield f"Controls are not systems. Last column: difference in {name_metric(metric)} over common seeds."
    if any(row["shuffled"] for row in found):
        yield (
            "Permuted (shuffled in names): the fitted head predicts test utterances whose text, or audio, is that of "
            "another utterance (permutation importance, Breiman 2001). The loss shows how much the head relies on that "
            "modality, not how much information it has: for that compare the feature sets text and audio."
        )
    if any(row["share"] < 1 for row in found):
        yield (
            "Train size: the head is fitted on this part of each class, at least two utterances, of every fold's "
            "training part; a smaller size is part of a larger one."
        )


def _check_cells(check: CheckContent) -> list[str]:
    return [check["check"], check["outcome"], check["message"]]


def _interval(one: Mapping[str, Any], mark: str, *, difference: bool = False) -> str:
    return format_interval(one["value"], one["low"], one["high"], mark, difference=difference)

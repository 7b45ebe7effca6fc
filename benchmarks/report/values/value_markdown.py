"""Format a report of values in Markdown and LaTeX: for the terminal, for `report.md` and for a paper."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.report.analysis.leak_marks import find_leaks
from benchmarks.report.analysis.result_curves import select_interval
from benchmarks.report.analysis.section_types import AgainstContent
from benchmarks.report.analysis.system_types import SystemContent
from benchmarks.report.render.exports import explain_brackets, render_latex
from benchmarks.report.render.markdown_sections import format_figures, format_provenance, format_settings
from benchmarks.report.render.markdown_table import escape_text, format_table
from benchmarks.report.values.value_figures import list_concordances, name_column
from benchmarks.report.values.value_types import ErrorsContent, ValueReportContent
from benchmarks.statistics.formatting import format_p_value, format_value, format_value_interval, name_metric
from benchmarks.statistics.value_metrics import TARGET_METRICS, name_target_metric

_MOST_PAIRS = 28  # in the table; results.json has all


def render_value_summary(content: ValueReportContent) -> str:
    """Return the summary as text."""
    lines = [
        f"# {content['sentence']}",
        "",
        *_format_leaderboard(content),
        "",
        f"In brackets: {content['interval']}. ± folds: standard deviation over folds; ± seeds: over seeds, of the "
        "pooled figures. Systems that share a letter do not differ significantly (paired bootstrap of the difference "
        f"in {name_metric(content['metric'])} over {content['over']}, Holm-corrected, 5 %). Where the protocol "
        f"balances classes, {content['strata']} stand in for them.",
        *(f"! leaked: {row['system']}: {row['leak']}" for row in content["leaderboard"] if row["leak"]),
        *(f"Note: {note}." for note in content["notes"]),
        "",
        *_format_targets(content),
        "",
        *_format_pairs(content),
        *_format_controls(content),
        "## Checks",
        "",
        *format_table(
            ["check", "outcome", "result"],
            [
                [one["check"], one["outcome"], one["message"]]
                for one in sorted(content["checks"], key=lambda one: str(one["outcome"]))
            ],
        ),
    ]
    return "\n".join(lines) + "\n"


def format_value_markdown(content: ValueReportContent, figures: Mapping[str, str]) -> str:
    """Return the report in Markdown: the summary, and below it the other sections.

    Args:
        content: of the report.
        figures: the label of each figure in `figures/`, by name.
    """
    sections = [
        *(_format_against(content["against"]) if content["against"] else ()),
        *_format_modalities(content),
        *_format_errors(content["errors"]),
        *(format_settings(content["leaderboard"]) if content["tune"] else ()),
        *format_figures(figures),
        *format_provenance(content["provenance"]),
    ]
    return "\n".join([render_value_summary(content), *sections]) + "\n"


def format_value_latex(content: ValueReportContent) -> str:
    r"""Return the leaderboard as a LaTeX table for a document with `\usepackage{booktabs}`."""
    metrics = _list_metrics(content)
    rows = [
        [
            row["system"] + (" (leaked)" if row["leak"] else ""),
            *(format_value_interval(**select_interval(row, name)) for name in metrics),
            row["group"],
        ]
        for row in content["leaderboard"]
    ]
    names = ["System", *map(name_column, metrics), "letters"]
    return render_latex(names, rows, f"{content['sentence']} {explain_brackets(content).capitalize()}")


def _list_metrics(content: ValueReportContent) -> list[str]:
    return list(dict.fromkeys((content["metric"], *list_concordances(content["targets"]))))


def _format_leaderboard(content: ValueReportContent) -> list[str]:
    metrics = _list_metrics(content)
    header = ["letters", "system", *map(name_column, metrics), "± folds", "± seeds", "fit s", "predict µs"]
    return format_table(header, [_list_cells(row, metrics, content["metric"]) for row in content["leaderboard"]])


def _list_cells(row: SystemContent, metrics: Sequence[str], metric: str) -> list[str]:
    mark, main = "!" if row["leak"] else "", row["metrics"][metric]
    spread = [main["sd_of_folds"], main["sd_of_seeds"]]
    return [
        row["group"],
        row["system"],
        *(_format_interval(row["metrics"][name], mark) for name in metrics),
        *("" if value is None else f"{format_value(value)}{mark}" for value in spread),
        f"{row['fit_seconds']:.2f}",
        f"{row['predict_microseconds']:.0f}",
    ]


def _format_targets(content: ValueReportContent) -> list[str]:
    """Write every metric of each target."""
    rows = [
        [
            target,
            row["system"],
            *(
                _format_interval(row["metrics"][name_target_metric(target, name)], "!" if row["leak"] else "")
                for name in TARGET_METRICS
            ),
        ]
        for target in content["targets"]
        for row in content["leaderboard"]
    ]
    return ["## Targets", "", *format_table(["target", "system", *map(name_metric, TARGET_METRICS)], rows)]


def _format_pairs(content: ValueReportContent) -> list[str]:
    pairs, leaked = content["pairs"], find_leaks(content)
    if not pairs:
        return []
    best = content["leaderboard"][0]["system"]
    shown = pairs if len(pairs) <= _MOST_PAIRS else [pair for pair in pairs if best in (pair["first"], pair["second"])]
    cells = [
        [
            pair["first"],
            pair["second"],
            _format_interval(pair, "!" if leaked & {pair["first"], pair["second"]} else "", difference=True),
            f"{pair['p_holm']:.3g}",
        ]
        for pair in shown
    ]
    header = ["first", "second", f"difference in {name_metric(content['metric'])}", "p (Holm)"]
    note = f"The comparisons with the best system, of {len(pairs)}; results.json has all."
    return ["## Comparisons", "", *format_table(header, cells), *(["", note] if len(shown) < len(pairs) else []), ""]


def _format_controls(content: ValueReportContent) -> list[str]:
    if not content["controls"]:
        return []
    metric = content["metric"]
    rows = [
        [
            row["control"],
            f"{row['train']:.0f}",
            _format_interval(row["metrics"][metric], "!" if row["leak"] else ""),
            format_value(row["metrics"][metric]["minus_system"]),
        ]
        for row in content["controls"]
    ]
    header = ["control", "train size", name_metric(metric), "minus its system"]
    note = "Controls are not systems. Permuted: test rows of a modality are those of other utterances."
    return ["## Controls", "", *format_table(header, rows), "", note, ""]


def _format_against(other: AgainstContent) -> Iterator[str]:
    yield f"## Against protocol {other['protocol']}\n\nOn the {other['n']} test utterances of both benchmarks.\n"
    rows = [
        [
            one["system"],
            format_value(one["here"]) + ("!" if one["leak"]["here"] else ""),
            format_value(one["there"]) + ("!" if one["leak"]["there"] else ""),
            _format_interval(one, "!" if one.get("leaked") else "", difference=True),
            format_p_value(one["p"]),
        ]
        for one in other["systems"]
    ]
    yield from format_table(["system", "here", "there", "here minus there", "p"], rows)
    yield f"\nNote: {other['few']}.\n" if other["few"] else ""


def _format_modalities(content: ValueReportContent) -> Iterator[str]:
    if not (found := content["modalities"]["differences"]):
        return
    yield "## Modalities\n"
    rows = [
        [one["head"], one["of"], one["over"], _format_interval(one, "", difference=True), format_p_value(one["p_holm"])]
        for one in found
    ]
    yield from format_table(["head", "features", "minus", "difference", "p (Holm)"], rows)
    yield ""


def _format_errors(found: ErrorsContent) -> Iterator[str]:
    yield "## Largest errors\n"
    yield f"Of {escape_text(found['system'])}, in standard deviations of the target.\n"
    rows = [
        [
            escape_text(row["id"]),
            escape_text(row["text"]),
            row["target"],
            f"{row['truth']:.2f}",
            f"{row['prediction']:.2f}",
            f"{row['deviations']:.1f}",
        ]
        for row in found["rows"]
    ]
    yield from format_table(["id", "text", "target", "true", "predicted", "error, deviations"], rows)


def _format_interval(one: Mapping[str, Any], mark: str, *, difference: bool = False) -> str:
    return format_value_interval(one["value"], one["low"], one["high"], mark, difference=difference)

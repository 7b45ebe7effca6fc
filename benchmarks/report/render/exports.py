"""Format the report's content for a spreadsheet and a paper: CSV, LaTeX and Markdown."""

import csv
import io
from collections.abc import Mapping
from typing import Any, cast

from benchmarks.report.analysis.content_types import BenchmarkContent, ReportContent
from benchmarks.report.analysis.result_curves import select_interval
from benchmarks.report.analysis.system_types import SystemContent
from benchmarks.report.render.markdown_sections import format_sections
from benchmarks.report.render.metric_columns import list_page_metrics
from benchmarks.report.render.report_lookups import group_published_figures, name_published
from benchmarks.report.render.summary_markdown import render_summary
from benchmarks.statistics.formatting import format_interval, format_percent

_ABOUT = ("system", "head", "feature_set", "normalize", "logits", "group", "leak")
_COSTS = ("fit_seconds", "predict_microseconds", "bundle_bytes", "peak_mb")


def format_csv(content: BenchmarkContent) -> str:
    """Return the leaderboard as CSV, and published figures below it.

    Metrics are shares, with both ends of their intervals; `interval` names their method. Times are in seconds or
    microseconds, sizes in bytes or MB. `kind` is `measured` or `published`.
    """
    metrics = list(content["leaderboard"][0]["metrics"])
    ends = [f"{name}{end}" for name in metrics for end in ("", "_low", "_high")]
    header = ["kind", *_ABOUT, "protocol", "interval", "n", *ends, "seeds", *_COSTS]
    file = io.StringIO()
    writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
    writer.writeheader()
    for row in content["leaderboard"]:
        shared = {"protocol": content["protocol"], "interval": content["interval"], "n": content["n"]}
        writer.writerow({"kind": "measured", **shared, **_csv_cells(row)})
    for one in group_published_figures(cast(Mapping[str, Any], content).get("published", ())):
        known = {name: value for name, value in one["values"].items() if name in metrics}
        writer.writerow({"kind": "published", "system": one["name"], "protocol": one["protocol"]} | known)
    return file.getvalue()


def format_latex(content: ReportContent) -> str:
    r"""Return the leaderboard as a LaTeX table for a document with `\usepackage{booktabs}`."""
    metrics = list_page_metrics(content["metric"])
    names = ["System", *(name.replace("_", " ") for name in metrics), "letters"]
    rows = [
        [
            row["system"] + (" (leaked)" if row["leak"] else ""),
            *(format_interval(**select_interval(row, name)) for name in metrics),
            row["group"],
        ]
        for row in content["leaderboard"]
    ]
    rows += [
        [
            f"{name_published(one, metrics)} (published)",
            *(_percent_or_blank(one["values"], name) for name in metrics),
            "",
        ]
        for one in group_published_figures(content["published"])
    ]
    return render_latex(names, rows, f"{content['sentence']} In percent; {explain_brackets(content)}")


def render_latex(names: list[str], rows: list[list[str]], caption: str) -> str:
    """Return a table with its caption for a document with the package booktabs. The outer columns are left-aligned."""
    import pandas as pd

    styled = pd.DataFrame(rows, columns=names).style.hide(axis="index")
    styled = styled.format(escape="latex").format_index(escape="latex", axis="columns")
    return str(
        styled.to_latex(
            hrules=True,
            column_format="l" + "r" * (len(names) - 2) + "l",
            caption=_escape_latex(caption),
            label="tab:leaderboard",
            position_float="centering",
        )
    )


def explain_brackets(content: BenchmarkContent) -> str:
    """Explain intervals and letters, in half a sentence for a caption."""
    return f"in brackets {content['interval']}; systems that share a letter do not differ significantly."


def format_markdown(content: ReportContent, figures: Mapping[str, str]) -> str:
    """Return the report in Markdown: the summary, and below it the other sections.

    Args:
        content: of the report.
        figures: the label of each figure in `figures/`, by name.
    """
    return "\n".join([render_summary(content), *format_sections(content, figures)]) + "\n"


def _csv_cells(row: SystemContent) -> dict[str, object]:
    cells: dict[str, object] = {name: value for name, value in row.items() if name in (*_ABOUT, *_COSTS)}
    for name, one in row["metrics"].items():
        cells |= {name: one["value"], f"{name}_low": one["low"], f"{name}_high": one["high"]}
    return cells | {"seeds": len(row["seeds"])}


def _percent_or_blank(values: Mapping[str, float], name: str) -> str:
    return format_percent(values[name]) if name in values else ""


def _escape_latex(text: str) -> str:
    for letter in "%&#_$":
        text = text.replace(letter, f"\\{letter}")
    return text

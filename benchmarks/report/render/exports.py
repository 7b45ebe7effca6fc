"""The report for a paper and a spreadsheet: Markdown, CSV, LaTeX; pure functions of its content."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from benchmarks.report.analysis.summary import render
from benchmarks.report.render.sections import sections
from benchmarks.report.render.tables import published
from benchmarks.statistics.formatting import format_interval, format_percent
from benchmarks.statistics.metrics import METRIC

_IN_TEX = (METRIC, "accuracy", "macro_f1")
_ABOUT = ("system", "head", "feature_set", "normalize", "logits", "group", "leak")
_FIGURES = ("seeds", "fit_seconds", "predict_microseconds", "bundle_bytes", "peak_mb")


def csv_table(content: Mapping[str, Any]) -> str:
    """The leaderboard as CSV: what was run by which protocol, every metric with both ends of its interval (`interval`
    says by which method) as shares; times in seconds, sizes in bytes; published figures below, with `published` in the
    first column."""
    metrics = list(content["leaderboard"][0]["metrics"])
    ends = [f"{name}{end}" for name in metrics for end in ("", "_low", "_high")]
    header = ["kind", *_ABOUT, "protocol", "interval", "n", *ends, *_FIGURES]
    file = io.StringIO()
    writer = csv.DictWriter(file, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in content["leaderboard"]:
        known = {name: content[name] for name in ("protocol", "interval", "n")}
        known |= {name: row[name] for name in (*_ABOUT, *_FIGURES)}
        figures = {
            f"{name}{end}": row["metrics"][name][key]
            for name in metrics
            for end, key in (("", "value"), ("_low", "low"), ("_high", "high"))
        }
        seeds = {"seeds": len(row["seeds"])}
        writer.writerow({"kind": "measured", **known, **figures, **seeds})
    for one in published(content["published"]):
        writer.writerow({"kind": "published", "system": one["name"]} | one["values"])
    return file.getvalue()


def tex(content: Mapping[str, Any]) -> str:
    r"""The leaderboard as a LaTeX table; the preamble needs `\usepackage{booktabs}`."""
    import pandas as pd

    names = ["System", *(name.replace("_", " ") for name in _IN_TEX), "group"]
    rows = [
        [
            row["system"] + (" (leaked)" if row["leak"] else ""),
            *(_interval(row["metrics"][name]) for name in _IN_TEX),
            row["group"],
        ]
        for row in content["leaderboard"]
    ]
    rows += [
        [f"{one['name']} (published)", *(_known(one["values"], name) for name in _IN_TEX), ""]
        for one in published(content["published"])
    ]
    styled = pd.DataFrame(rows, columns=names).style.hide(axis="index")
    styled = styled.format(escape="latex").format_index(escape="latex", axis="columns")
    caption = (
        f"{content['sentence']} In percent; in brackets {content['interval']}; systems that share a letter cannot be "
        "told apart."
    )
    return str(
        styled.to_latex(
            hrules=True,
            column_format="l" + "r" * len(_IN_TEX) + "l",
            caption=_escaped(caption),
            label="tab:leaderboard",
            position_float="centering",
        )
    )


def markdown(content: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """The report in Markdown: what the terminal shows, and below it the other sections.

    Args:
        content: of the report.
        figures: what each figure shows, by name; they lie in `figures/`.
    """
    return "\n".join([render(content), *sections(content, figures)]) + "\n"


def _interval(one: Mapping[str, float]) -> str:
    return format_interval(one["value"], one["low"], one["high"])


def _known(values: Mapping[str, float], name: str) -> str:
    return format_percent(values[name]) if name in values else ""


def _escaped(text: str) -> str:
    """Text in LaTeX."""
    for letter in "%&#_$":
        text = text.replace(letter, f"\\{letter}")
    return text

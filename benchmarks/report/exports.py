"""The report for a paper and a spreadsheet: Markdown, CSV, LaTeX; pure functions of its content."""

import csv
import html
import io
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.report.summary import render
from benchmarks.report.table import markdown as table
from benchmarks.report.tables import leaked, p_value, percent, points, published
from benchmarks.statistics.pairs import METRIC

_IN_TEX = (METRIC, "accuracy", "macro_f1")
_FIGURES = ("seeds", "fit_seconds", "predict_microseconds", "bundle_bytes", "peak_mb")


def csv_table(content: Mapping[str, Any]) -> str:
    """The leaderboard as CSV: every metric with both ends of its interval, as shares; times in seconds, sizes in
    bytes; published figures below, with `published` in the first column."""
    metrics = list(content["leaderboard"][0]["metrics"])
    ends = [f"{name}{end}" for name in metrics for end in ("", "_low", "_high")]
    header = ["kind", "system", "head", "feature_set", "group", "leak", "n", *ends, *_FIGURES]
    file = io.StringIO()
    writer = csv.DictWriter(file, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in content["leaderboard"]:
        known = {name: row[name] for name in ("system", "head", "feature_set", "group", "leak", *_FIGURES)}
        figures = {
            f"{name}{end}": row["metrics"][name][key]
            for name in metrics
            for end, key in (("", "value"), ("_low", "low"), ("_high", "high"))
        }
        seeds = {"seeds": len(row["seeds"])}
        writer.writerow({"kind": "measured", "n": content["n"], **known, **figures, **seeds})
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
    return (
        "\n".join([render(content), *_sections(content), *_drawn(figures), *_provenance(content["provenance"])]) + "\n"
    )


def _sections(content: Mapping[str, Any]) -> Iterator[str]:
    marked = leaked(content)

    def mark(one: Mapping[str, str]) -> str:
        return " !" if {one["first"], one["second"]} & marked else ""

    if content["against"]:
        other = content["against"]
        yield f"## Against protocol {other['protocol']}\n\nOn the {other['n']} utterances that both tested.\n"
        yield from table(
            ["system", "here %", "there %", "here less there, points", "p"],
            [
                [one["system"], percent(one["here"]), percent(one["there"]), _apart(one), p_value(one["p"])]
                for one in other["systems"]
            ],
        )
        yield ""
    yield f"## Confusion\n\nCounts, the mean over seeds; rows are true classes. Of {_said(content['featured'][0])}.\n"
    best = content["confusion"][content["featured"][0]]
    rows = [
        [_said(name), *(f"{count:.0f} ({100 * share:.0f} %)" for count, share in zip(counts, shares, strict=True))]
        for name, counts, shares in zip(best["classes"], best["counts"], best["shares"], strict=True)
    ]
    yield from table(["true \\ predicted", *map(_said, best["classes"])], rows)
    if content["modalities"]["differences"]:
        yield "\n## What each modality brings\n"
        yield from table(
            ["head", "features", "less", "difference, points", "p (Holm)"],
            [
                [one["head"], one["of"], one["over"], _apart(one) + mark(one), p_value(one["p_holm"])]
                for one in content["modalities"]["differences"]
            ],
        )
    yield "\n## Calibration\n"
    yield from table(
        ["system", "expected calibration error, points", "log loss, nats", "Brier score"],
        [
            [
                row["system"] + (" !" if row["leak"] else ""),
                percent(row["metrics"]["expected_calibration_error"]["value"]),
                f"{row['metrics']['log_loss']['value']:.3f}",
                f"{row['metrics']['brier_score']['value']:.3f}",
            ]
            for row in content["leaderboard"]
        ],
    )
    found = content["mistakes"]
    yield f"\n## Mistakes\n\nThe surest of {found['wrong']} wrong answers of {_said(found['system'])}.\n"
    yield from table(
        ["id", "text", "true", "predicted", "confidence %"],
        [
            [
                *(_said(row[name]) for name in ("id", "text", "truth", "prediction")),
                percent(row["confidence"]),
            ]
            for row in found["rows"]
        ],
    )


def _drawn(figures: Mapping[str, str]) -> Iterator[str]:
    yield "\n## Figures\n"
    for name, label in figures.items():
        yield f"![{_said(label)}](figures/{name}.svg)\n"


def _provenance(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Provenance\n"
    yield f"- {found['utterances']} utterances, {found['speakers']} speakers"
    yield f"- manifest sha256 {found['manifest_sha256']}, folds sha256 {found['folds_sha256']}"
    for name, encoder in found["encoders"].items():
        yield f"- encoder {_said(name)}: {_said(str(encoder['made'].get('checkpoint', '')))}"
    yield f"- {', '.join(f'{name} {version}' for name, version in found['versions'].items())}"
    yield f"- {'; '.join(f'{name} {value}' for name, value in found['machine'].items())}"
    yield f"\n```\n{found['command']}\n```"


def _interval(one: Mapping[str, float]) -> str:
    return f"{percent(one['value'])} [{percent(one['low'])}, {percent(one['high'])}]"


def _known(values: Mapping[str, float], name: str) -> str:
    return percent(values[name]) if name in values else ""


def _apart(one: Mapping[str, float]) -> str:
    return f"{points(one['value'])} [{points(one['low'])}, {points(one['high'])}]"


def _said(text: str) -> str:
    """Text of the corpus, which may hold anything, as text in Markdown."""
    return html.escape(text, quote=False).replace("`", "&#96;").replace("[", "&#91;").replace("*", "&#42;")


def _escaped(text: str) -> str:
    """Text in LaTeX."""
    for letter in "%&#_$":
        text = text.replace(letter, f"\\{letter}")
    return text

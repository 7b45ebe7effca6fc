"""Format the report's sections in Markdown, below the summary."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.report.analysis.content_types import ProvenanceContent, ReportContent
from benchmarks.report.analysis.section_types import (
    AgainstContent,
    ConfusionContent,
    KindDifferenceContent,
    MistakesContent,
)
from benchmarks.report.analysis.system_types import SystemContent
from benchmarks.report.render.markdown_table import escape_text as _escape
from benchmarks.report.render.markdown_table import format_table
from benchmarks.report.render.vote_markdown import format_vote_section
from benchmarks.statistics.formatting import format_interval, format_p_value, format_percent


def format_sections(content: ReportContent, figures: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of every section that is not empty. Figures of leaked systems are marked !.

    Args:
        content: of the report.
        figures: the label of each figure in `figures/`, by name.
    """
    if content["against"]:
        yield from _against(content["against"])
    first = content["featured"][0]
    yield from _confusion(first, content["confusion"][first])
    yield from _classes(next(row for row in content["leaderboard"] if row["system"] == first))
    if content["modalities"]["differences"]:
        yield from _modalities(content["modalities"]["differences"])
    yield from _calibration(content["leaderboard"])
    if "votes" in content:
        yield from format_vote_section(content["votes"])
    yield from _mistakes(content["mistakes"])
    if content["tune"]:
        yield from format_settings(content["leaderboard"])
    yield from format_figures(figures)
    yield from format_provenance(content["provenance"])


def _against(other: AgainstContent) -> Iterator[str]:
    yield f"## Against protocol {other['protocol']}\n\nOn the {other['n']} test utterances of both benchmarks.\n"
    yield from format_table(
        ["system", "here %", "there %", "here minus there, points", "p"],
        [
            [
                one["system"],
                format_percent(one["here"]) + ("!" if one["leak"]["here"] else ""),
                format_percent(one["there"]) + ("!" if one["leak"]["there"] else ""),
                _difference(one),
                format_p_value(one["p"]),
            ]
            for one in other["systems"]
        ],
    )
    yield ""
    if other["few"]:
        yield f"Note: {other['few']}.\n"
    for one in other["systems"]:
        sides = (("here", one["leak"]["here"]), ("there", one["leak"]["there"]))
        yield from (f"! leaked: {one['system']}, {side}: {leak}\n" for side, leak in sides if leak)


def _confusion(name: str, best: ConfusionContent) -> Iterator[str]:
    yield "## Confusion\n"
    yield f"{_escape(name)}{_mark(best, ' !')}: counts, the mean over seeds. Rows are true classes.\n"
    rows = [
        [
            _escape(label),
            *(f"{count:.0f} ({100 * share:.0f} %)" for count, share in zip(counts, shares, strict=True)),
        ]
        for label, counts, shares in zip(best["classes"], best["counts"], best["shares"], strict=True)
    ]
    yield from format_table(["true \\ predicted", *map(_escape, best["classes"])], rows)


def _classes(row: SystemContent) -> Iterator[str]:
    yield "\n### Each class\n"
    mark = "!" if row["leak"] else ""
    cells = []
    for name, one in row["per_class"].items():
        figures = ((one[metric], one["low"][metric], one["high"][metric]) for metric in ("recall", "precision", "f1"))
        cells.append([_escape(name), f"{one['n']:.0f}", *(_share(*found, mark) for found in figures)])
    yield from format_table(["class", "utterances", "recall %", "precision %", "F1 %"], cells)


def _share(value: float, low: float | None, high: float | None, mark: str) -> str:
    if low is None or high is None:
        return f"{format_percent(value)}{mark}"
    return format_interval(value, low, high, mark)


def _modalities(found: Sequence[KindDifferenceContent]) -> Iterator[str]:
    yield "\n## Modalities\n"
    yield from format_table(
        ["head", "features", "minus", "difference, points", "p (Holm)"],
        [[one["head"], one["of"], one["over"], _difference(one), format_p_value(one["p_holm"])] for one in found],
    )


def _calibration(leaderboard: Sequence[SystemContent]) -> Iterator[str]:
    yield "\n## Calibration\n"
    yield from format_table(
        ["system", "expected calibration error, points", "log loss, nats", "Brier score"],
        [
            [
                row["system"] + (" !" if row["leak"] else ""),
                format_percent(row["metrics"]["expected_calibration_error"]["value"]),
                f"{row['metrics']['log_loss']['value']:.3f}",
                f"{row['metrics']['brier_score']['value']:.3f}",
            ]
            for row in leaderboard
        ],
    )


def _mistakes(found: MistakesContent) -> Iterator[str]:
    yield "\n## Mistakes\n"
    yield (
        f"The most confident of {found['wrong']} wrong predictions of {_escape(found['system'])}{_mark(found, ' !')}.\n"
    )
    yield from format_table(
        ["id", "text", "true", "predicted", "confidence %"],
        [
            [
                *(_escape(text) for text in (row["id"], row["text"], row["truth"], row["prediction"])),
                format_percent(row["confidence"]),
            ]
            for row in found["rows"]
        ],
    )


def format_settings(leaderboard: Sequence[SystemContent]) -> Iterator[str]:
    """Yield the lines of the settings that a search chose."""
    yield "\n## Settings\n"
    yield "As chosen on dev, and how many fits (folds x seeds) chose them. The page lists which folds and seeds.\n"
    rows = []
    for row in leaderboard:
        fits = sum(len(used["runs"]) for used in row["settings"])
        for used in sorted(row["settings"], key=lambda used: -len(used["runs"])):
            if used["params"]:  # a head may have no settings
                values = ", ".join(f"{name} {json.dumps(value)}" for name, value in used["params"].items())
                rows.append([row["system"], _escape(values), f"{len(used['runs'])} of {fits}"])
    yield from format_table(["system", "settings", "fits"], rows)


def format_figures(figures: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the figures, by name with their labels."""
    yield "\n## Figures\n"
    for name, label in figures.items():
        yield f"![{_escape(label)}](figures/{name}.svg)\n"


def format_provenance(found: ProvenanceContent) -> Iterator[str]:
    """Yield the lines of the inputs, versions and machine."""
    yield "## Provenance\n"
    yield f"- {found['utterances']} utterances, {found['speakers']} speakers"
    for owner, classes in found["label_maps"].items():
        if classes:
            pairs = ", ".join(f"{label} → {name or 'left out'}" for label, name in classes.items())
            yield f"- labels of {_escape(owner)}: {_escape(pairs)}"
    yield f"- manifest sha256 {found['manifest_sha256']}, folds sha256 {found['folds_sha256']}"
    for name, encoder in found["encoders"].items():
        yield f"- encoder {_escape(name)}: {_escape(str(encoder['made'].get('checkpoint', '')))}"
    yield f"- {', '.join(f'{name} {version}' for name, version in found['versions'].items())}"
    yield f"- {'; '.join(f'{name} {value}' for name, value in found['machine'].items())}"
    yield f"\n```\n{found['command']}\n```"


def _difference(one: Mapping[str, Any]) -> str:
    return format_interval(one["value"], one["low"], one["high"], _mark(one), difference=True)


def _mark(one: Mapping[str, Any], mark: str = "!") -> str:
    return mark if one.get("leaked") else ""

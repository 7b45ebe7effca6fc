"""The report's sections in Markdown, below what the terminal shows."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.report.render.table import markdown as table
from benchmarks.report.render.tables import p_value
from benchmarks.statistics.formatting import format_percent, format_points


def sections(content: Mapping[str, Any], figures: Mapping[str, str]) -> Iterator[str]:
    """The lines of every section that there is something to say in; figures of leaked systems are marked !.

    Args:
        content: of the report.
        figures: what each figure shows, by name; they lie in `figures/`.
    """
    if content["against"]:
        yield from _against(content["against"])
    first = content["featured"][0]
    yield from _confusion(first, content["confusion"][first])
    if content["modalities"]["differences"]:
        yield from _modalities(content["modalities"]["differences"])
    yield from _calibration(content["leaderboard"])
    yield from _mistakes(content["mistakes"])
    if content["tune"]:
        yield from _settings(content["leaderboard"])
    yield from _drawn(figures)
    yield from _provenance(content["provenance"])


def _against(other: Mapping[str, Any]) -> Iterator[str]:
    yield f"## Against protocol {other['protocol']}\n\nOn the {other['n']} utterances that both tested.\n"
    yield from table(
        ["system", "here %", "there %", "here less there, points", "p"],
        [
            [
                one["system"],
                *(format_percent(one[side]) + ("!" if leak else "") for side, leak in one["leak"].items()),
                _apart(one),
                p_value(one["p"]),
            ]
            for one in other["systems"]
        ],
    )
    yield ""
    if other["few"]:
        yield f"Note: {other['few']}.\n"
    for one in other["systems"]:
        yield from (f"! leaked: {one['system']}, {side}: {leak}\n" for side, leak in one["leak"].items() if leak)


def _confusion(name: str, best: Mapping[str, Any]) -> Iterator[str]:
    yield "## Confusion\n"
    yield f"Counts, the mean over seeds; rows are true classes. Of {_said(name)}{_mark(best, ' !')}.\n"
    rows = [
        [_said(label), *(f"{count:.0f} ({100 * share:.0f} %)" for count, share in zip(counts, shares, strict=True))]
        for label, counts, shares in zip(best["classes"], best["counts"], best["shares"], strict=True)
    ]
    yield from table(["true \\ predicted", *map(_said, best["classes"])], rows)


def _modalities(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "\n## What each modality brings\n"
    yield from table(
        ["head", "features", "less", "difference, points", "p (Holm)"],
        [[one["head"], one["of"], one["over"], _apart(one), p_value(one["p_holm"])] for one in found],
    )


def _calibration(leaderboard: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "\n## Calibration\n"
    yield from table(
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


def _mistakes(found: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## Mistakes\n"
    yield f"The surest of {found['wrong']} wrong answers of {_said(found['system'])}{_mark(found, ' !')}.\n"
    yield from table(
        ["id", "text", "true", "predicted", "confidence %"],
        [
            [*(_said(row[name]) for name in ("id", "text", "truth", "prediction")), format_percent(row["confidence"])]
            for row in found["rows"]
        ],
    )


def _settings(leaderboard: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "\n## Settings\n"
    yield "As chosen on dev; fits are over folds and seeds. Which fold and seed chose which stands on the page.\n"
    rows = []
    for row in leaderboard:
        fits = sum(len(used["runs"]) for used in row["settings"])
        for used in sorted(row["settings"], key=lambda used: -len(used["runs"])):
            if used["params"]:  # a head may have nothing to choose
                values = ", ".join(f"{name} {json.dumps(value)}" for name, value in used["params"].items())
                rows.append([row["system"], _said(values), f"{len(used['runs'])} of {fits}"])
    yield from table(["system", "settings", "fits"], rows)


def _drawn(figures: Mapping[str, str]) -> Iterator[str]:
    yield "\n## Figures\n"
    for name, label in figures.items():
        yield f"![{_said(label)}](figures/{name}.svg)\n"


def _provenance(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Provenance\n"
    yield f"- {found['utterances']} utterances, {found['speakers']} speakers"
    for whose, classes in found["label_maps"].items():
        if classes:
            pairs = ", ".join(f"{label} → {name or 'left out'}" for label, name in classes.items())
            yield f"- labels of {_said(whose)}: {_said(pairs)}"
    yield f"- manifest sha256 {found['manifest_sha256']}, folds sha256 {found['folds_sha256']}"
    for name, encoder in found["encoders"].items():
        yield f"- encoder {_said(name)}: {_said(str(encoder['made'].get('checkpoint', '')))}"
    yield f"- {', '.join(f'{name} {version}' for name, version in found['versions'].items())}"
    yield f"- {'; '.join(f'{name} {value}' for name, value in found['machine'].items())}"
    yield f"\n```\n{found['command']}\n```"


def _apart(one: Mapping[str, float]) -> str:
    return f"{format_points(one['value'])}{_mark(one)} [{format_points(one['low'])}, {format_points(one['high'])}]"


def _mark(one: Mapping[str, Any], mark: str = "!") -> str:
    return mark if one.get("leaked") else ""


def _said(text: str) -> str:
    """Text of the corpus, which may hold anything, as text in Markdown."""
    return html.escape(text, quote=False).replace("`", "&#96;").replace("[", "&#91;").replace("*", "&#42;")

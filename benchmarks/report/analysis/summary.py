"""The summary of a benchmark: figures, intervals, comparisons and checks, as a pure function of its files."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks import checks
from benchmarks.grid.results import Results, System
from benchmarks.report.analysis import controls, verdict
from benchmarks.report.render.table import markdown
from benchmarks.statistics import multiple_comparisons, paired_comparisons
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.bootstrap import RESAMPLES, effective_count, interval_method, number_units
from benchmarks.statistics.formatting import format_interval, format_percent, format_points
from benchmarks.statistics.intervals import estimates
from benchmarks.statistics.metrics import METRIC

SHOWN = ("accuracy", "unweighted_average_recall", "macro_f1", "weighted_f1")
_MOST_PAIRS = 28  # in the table for a person; the JSON holds all


def summarise(results: Results) -> dict[str, Any]:
    """Everything that can be said of a benchmark, as plain JSON; the best system by unweighted average recall first."""
    clusters, over = results.clusters, results.clusters.over
    names = clusters.for_ids(results.ids)
    rows = [_row(system, names) for system in results.systems]
    rows.sort(key=lambda row: (-row["metrics"][METRIC]["value"], row["system"]))
    controlled = controls.rows(results, names)
    pairs = paired_comparisons.compare_pairs({system.name: system.pooled for system in results.systems}, clusters=names)
    letters = multiple_comparisons.compact_letter_display(
        [row["system"] for row in rows], paired_comparisons.significant_pairs(pairs)
    )
    about = {name: results.about[name] for name in ("corpus", "labels", "protocol", "split_seed", "tune", "seeds")}
    return about | {
        "n": len(results.ids),
        "folds": len(results.folds),
        "classes": sorted(set(results.about["classes"].values())),
        "interval": f"{interval_method(effective_count(number_units(len(results.ids), names)))} over {clusters.count} {over}, {RESAMPLES} "
        "resamples",
        "over": over,
        "clusters": clusters.count,
        "few": clusters.few,
        "level": paired_comparisons.LEVEL,
        "notes": [*_notes(results), *_floor(rows, results), *_without_width([*rows, *controlled], over)],
        "leaderboard": [row | {"group": letters[row["system"]]} for row in rows],
        "pairs": [asdict(pair) for pair in pairs],
        "controls": controlled,
        "checks": [asdict(one) | {"meaning": checks.describe_check(one.check)} for one in checks.run_checks(results)],
    }


def render(summary: Mapping[str, Any]) -> str:
    """The summary in Markdown."""
    leaked = [row for row in summary["leaderboard"] if row["leak"]]
    lines = [
        f"# {_title(summary)}",
        "",
        *markdown(_HEADER, [_cells(row) for row in summary["leaderboard"]]),
        "",
        f"In brackets: {summary['interval']}. ± over folds: standard deviation of the folds' figures; ± over seeds: of "
        "the seeds' pooled figures. Systems that share a letter cannot be told apart (paired bootstrap of the "
        f"difference in {METRIC.replace('_', ' ')} over {summary['over']}, Holm-corrected, 5 %).",
        *(f"! leaked: {row['system']}: {row['leak']}" for row in leaked),
        *(f"Note: {note}." for note in summary["notes"]),
        "",
        *_pairs(summary),
        *controls.section(summary["controls"]),
        "## Checks",
        "",
        *markdown(
            ["check", "outcome", "what it says"],
            [_check(one) for one in sorted(summary["checks"], key=lambda one: str(one["outcome"]))],
        ),
    ]
    return "\n".join(lines) + "\n"


_HEADER = [
    "group",
    "system",
    *(f"{name.replace('_', ' ')} %" for name in SHOWN),
    "± folds",
    "± seeds",
    "fit s",
    "predict µs",
]


def _row(system: System, clusters: Sequence[str] | None) -> dict[str, Any]:
    card, answers = system.card, system.pooled
    found = estimates(answers, clusters=clusters)
    mark = {"leaked": True} if system.leak else {}
    by_fold, by_seed = _by_fold(system), [one.values() for one in answers]
    metrics = {
        name: asdict(one)
        | {"mean_of_folds": float(np.mean(by_fold[name])), "sd_of_folds": _sd(by_fold[name])}
        | {"sd_of_seeds": _sd([values[name] for values in by_seed])}
        | mark
        for name, one in found.items()
    }
    tested = sum(run.card.test for run in system.runs)
    return {
        "system": system.name,
        "head": card.head,
        "feature_set": card.feature_set,
        "features": list(card.features),
        "normalize": card.normalize,
        "logits": card.logits,
        "seeds": system.seeds,
        "leak": system.leak,
        "metrics": metrics,
        "per_class": {name: one | mark for name, one in _per_class(answers).items()},
        "fit_seconds": float(np.mean([run.card.seconds["fit"] for run in system.runs])),
        "tune_seconds": float(np.mean([run.card.seconds["tune"] for run in system.runs])),
        "predict_microseconds": 1e6 * sum(run.card.seconds["predict"] for run in system.runs) / tested,
        "bundle_bytes": max(run.card.bundle_bytes for run in system.runs),
        "peak_mb": max(run.card.peak_mb for run in system.runs),
        "settings": _settings(system),
    }


def _by_fold(system: System) -> dict[str, list[float]]:
    """Each fold's figures, the mean over seeds."""
    names = dict.fromkeys(run.card.fold for run in system.runs)
    values = {name: [run.answers.values() for run in system.runs if run.card.fold == name] for name in names}
    metrics = next(iter(values.values()))[0]
    return {metric: [float(np.mean([one[metric] for one in found])) for found in values.values()] for metric in metrics}


def _per_class(answers: Sequence[Answers]) -> dict[str, dict[str, float]]:
    """The figures of each class, the mean over seeds."""
    found = [one.per_class() for one in answers]
    return {
        name: {figure: float(np.mean([one[name][figure] for one in found])) for figure in figures}
        for name, figures in found[0].items()
    }


def _settings(system: System) -> list[dict[str, Any]]:
    """The settings that were used, each once, without the seed, with the folds and seeds that used them."""
    used: dict[str, dict[str, Any]] = {}
    for run in system.runs:
        params = {name: value for name, value in run.card.params.items() if name != "random_state"}
        entry = used.setdefault(repr(params), {"params": params, "runs": []})
        entry["runs"].append(f"{run.card.fold}/{run.card.seed}")
    return list(used.values())


def _notes(results: Results) -> list[str]:
    about = results.about
    notes = [note for note in (results.clusters.few, results.clusters.note) if note]
    notes += [f"{way} normalisation: {note}" for way, note in about["normalize"].items() if note]
    if about["tune"]:
        notes.append(
            f"settings: the best of the defaults and {about['tune']} drawn ones by unweighted average recall on "
            f"{_dev_parts(results)}, then fitted on training and dev together"
        )
    if about["tune"] and about["protocol"] == "script-disjoint":
        notes.append(
            "a dev part is of whole scripts, but copies of its texts may stand in the rest of training, so settings "
            "were chosen knowing them; of test texts no copy is in training"
        )
    if about["tune"] and any(
        one.get("dev") for made in about["encoders"].values() for one in made["tuned_on"].values()
    ):
        notes.append(
            "an encoder was tuned on the very utterances that settings were chosen on: its features are surer there "
            "than on test ones, and so is the choice; no test utterance decided anything"
        )
    once = sorted({system.card.head for system in results.systems if not system.card.drawn and not about["tune"]})
    if once and len(about["seeds"]) > 1:
        notes.append(f"run once, since nothing is drawn: {', '.join(once)}")
    if about["left_out"]:
        notes.append(f"the label scheme leaves out {sum(about['left_out'].values())} utterances")
    if about["dropped"]:
        notes.append(f"{len(about['dropped'])} utterances lack a feature and are in no fold")
    unused = sum(len(fold.unused) for fold in results.folds)
    if unused:
        notes.append(f"{unused} training utterances are left out over all folds because test has a copy of their text")
    notes.append("McNemar's test is on the first seed and takes utterances for independent")
    return notes


def _floor(rows: Sequence[Mapping[str, Any]], results: Results) -> list[str]:
    """Of a prior that is below chance, since the folds' largest classes differ."""
    chance = 1 / len({results.about["classes"][name] for name in results.ids})
    low = [row["metrics"][METRIC]["value"] for row in rows if row["head"] == "prior"]
    if not low or min(low) > chance - 1e-9:
        return []
    return [
        f"the prior answers another class from fold to fold and reaches {format_percent(min(low))} %; the same answer to all "
        f"has an unweighted average recall of {format_percent(chance)} %, and that is the floor"
    ]


def _without_width(rows: Sequence[Mapping[str, Any]], over: str) -> list[str]:
    """Of figures that look certain; not of the prior's, whose constant answer has 1 / classes whatever is drawn."""
    names = [
        row.get("control", row["system"])
        for row in rows
        if row["head"] != "prior" and any(_is_point(row["metrics"][name]) for name in SHOWN)
    ]
    if not names:
        return []
    return [
        f"an interval of {', '.join(names[:3])}{' …' if len(names) > 3 else ''} has no width because every resample "
        f"gives the same figure: it says nothing of other {over}"
    ]


def _is_point(one: Mapping[str, Any]) -> bool:
    return math.isclose(one["low"], one["high"], abs_tol=1e-9)


def _dev_parts(results: Results) -> str:
    if _is_own_dev(results):
        return "the corpus's own dev partition"
    most = 1 + max(len(fold.turns) for fold in results.folds)
    if most == 1:
        return "a dev part cut from training by the protocol's own grouping"
    return f"dev, the mean over {most} parts of training that take turns as dev, cut by the protocol's own grouping"


def _is_own_dev(results: Results) -> bool:
    """Whether the protocol took dev as the corpus has it: where it has none, dev is cut from training there too."""
    partition = {row.id: row.partition.lower() for row in results.utterances}
    dev = [partition[name] for fold in results.folds for name in fold.dev]
    return results.about["protocol"] == "official" and not any(name.startswith("train") for name in dev)


def _title(summary: Mapping[str, Any]) -> str:
    best = verdict.equals(summary)
    said = f"{best[0]} is best" if len(best) == 1 else f"nobody is best: {len(best)} cannot be told apart"
    what = f"{len(summary['leaderboard'])} systems on {summary['corpus']}, {len(summary['classes'])} classes"
    if len(summary["leaderboard"]) == 1:
        said = best[0]
    elif summary["few"]:
        said = summary["few"]
    if len(best) == 1 and summary["leaderboard"][0]["leak"]:
        said += ", by leaked figures"
    return f"{what}, protocol {summary['protocol']}, n = {summary['n']}: {said}"


def _cells(row: Mapping[str, Any]) -> list[str]:
    mark = "!" if row["leak"] else ""
    shown = [row["metrics"][name] for name in SHOWN]
    main = row["metrics"][METRIC]
    return [
        row["group"],
        row["system"],
        *(format_interval(one["value"], one["low"], one["high"], mark) for one in shown),
        *(
            "" if main[name] is None else f"{format_percent(main[name])}{mark}"
            for name in ("sd_of_folds", "sd_of_seeds")
        ),
        f"{row['fit_seconds']:.2f}",
        f"{row['predict_microseconds']:.0f}",
    ]


def _pairs(summary: Mapping[str, Any]) -> list[str]:
    pairs = summary["pairs"]
    if not pairs:
        return []
    leaked = {row["system"] for row in summary["leaderboard"] if row["leak"]}
    best = summary["leaderboard"][0]["system"]
    shown = pairs if len(pairs) <= _MOST_PAIRS else [pair for pair in pairs if best in (pair["first"], pair["second"])]
    header = ["first", "second", f"difference in {METRIC.replace('_', ' ')}, points", "p (Holm)", "McNemar p (Holm)"]
    cells = [
        [
            pair["first"],
            pair["second"],
            f"{format_points(pair['value'])}{'!' if leaked & {pair['first'], pair['second']} else ''} "
            f"[{format_points(pair['low'])}, {format_points(pair['high'])}]",
            f"{pair['p_holm']:.3g}",
            f"{pair['mcnemar_p_holm']:.3g}",
        ]
        for pair in shown
    ]
    few = [] if len(shown) == len(pairs) else ["", f"Of {len(pairs)} pairs those with the best; the JSON holds all."]
    return ["## Pairs", "", *markdown(header, cells), *few, ""]


def _check(finding: Mapping[str, Any]) -> list[str]:
    return [finding["check"], finding["outcome"], finding["message"]]


def _sd(values: Sequence[float]) -> float | None:
    """The standard deviation; None of a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None

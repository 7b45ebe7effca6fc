"""Summarize a benchmark: leaderboard, comparisons, controls, notes and checks."""

from dataclasses import asdict
from typing import cast

from benchmarks.checks import describe_check, run_checks
from benchmarks.grid.results import Results
from benchmarks.grid.value_results import AnyResults
from benchmarks.report.analysis.content_types import BenchmarkContent, CheckContent, SummaryContent
from benchmarks.report.analysis.control_rows import measure_controls
from benchmarks.report.analysis.flaw_rows import measure_flaws
from benchmarks.report.analysis.gold_words import compare_words
from benchmarks.report.analysis.leaderboard import rank_systems
from benchmarks.report.analysis.missing_rows import measure_missing
from benchmarks.report.analysis.summary_notes import write_notes
from benchmarks.statistics.bootstrap import RESAMPLES, effective_count, interval_method, name_groups, number_units
from benchmarks.statistics.paired_comparisons import LEVEL


def summarize(results: Results) -> SummaryContent:
    """Return the summary as plain JSON, the best system by the headline metric first."""
    shared, about = summarize_benchmark(results), results.about
    content = {
        "corpus": shared["corpus"],
        "labels": about["labels"],
        "protocol": shared["protocol"],
        "split_seed": shared["split_seed"],
        "tune": shared["tune"],
        "seeds": shared["seeds"],
        "n": shared["n"],
        "folds": shared["folds"],
        "classes": sorted(set(about["classes"].values())),
        "metric": results.metric,
        **shared,
    }
    summary = cast(SummaryContent, content)
    if "flaws" in about:
        summary["flaws"] = measure_flaws(results, [row["system"] for row in summary["leaderboard"]])
    if "missing" in about:
        summary["missing"] = measure_missing(results, summary["leaderboard"], results.clusters.for_ids(results.ids))
    if "transcripts" in about:
        summary["recognized"] = compare_words(results, summary)
    return summary


def summarize_benchmark(results: AnyResults) -> BenchmarkContent:
    """Return what the summaries of classes and of values share."""
    clusters, about = results.clusters, results.about
    of_utterances = clusters.for_ids(results.ids)
    leaderboard, pairs = rank_systems(results, of_utterances)
    controls = measure_controls(results, of_utterances)
    method = interval_method(effective_count(number_units(len(results.ids), of_utterances)))
    over = f"{clusters.count} {clusters.over}{name_groups(clusters.count)}"
    return {
        "corpus": about["corpus"],
        "protocol": about["protocol"],
        "split_seed": about["split_seed"],
        "tune": about["tune"],
        "seeds": about["seeds"],
        "n": len(results.ids),
        "folds": len(results.folds),
        "interval": f"{method} over {over}, {RESAMPLES} resamples",
        "over": clusters.over,
        "clusters": clusters.count,
        "few": clusters.few,
        "level": LEVEL,
        "notes": write_notes(results, leaderboard, controls),
        "leaderboard": leaderboard,
        "pairs": pairs,
        "controls": controls,
        "checks": [
            CheckContent(**asdict(one), meaning=describe_check(one.check, of_values=bool(results.targets)))  # type: ignore[typeddict-item]
            for one in run_checks(results)
        ],
    }

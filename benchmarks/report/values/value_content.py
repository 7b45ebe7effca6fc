"""Build everything that a report of values shows, as one plain JSON object: `results.json`."""

from typing import cast

from benchmarks.grid.value_results import AnyResults, ValueResults
from benchmarks.report.analysis.against import compare_benchmarks
from benchmarks.report.analysis.content_types import BenchmarkContent
from benchmarks.report.analysis.leak_marks import mark_entries
from benchmarks.report.analysis.modalities import compare_modalities
from benchmarks.report.analysis.permutation_results import measure_permutation_importance
from benchmarks.report.analysis.provenance import collect_provenance
from benchmarks.report.analysis.report_content import round_floats, select_featured_systems
from benchmarks.report.analysis.result_curves import (
    collect_epoch_curves,
    collect_train_size_curves,
    select_interval,
)
from benchmarks.report.analysis.summary import summarize_benchmark
from benchmarks.report.analysis.verdict import compose_sentence, find_best_systems
from benchmarks.report.values.prediction_cells import describe_predictions, list_largest_errors
from benchmarks.report.values.value_types import ValueReportContent
from benchmarks.statistics.formatting import format_value_interval


def build_value_content(results: ValueResults, other: AnyResults | None = None) -> ValueReportContent:
    """Return what the page, the figures and the tables of a benchmark of values show.

    Args:
        results: of the benchmark.
        other: another benchmark to compare the same systems with.

    Raises:
        BadValue: the two benchmarks have nothing in common.
    """
    summary: BenchmarkContent = round_floats(summarize_benchmark(results))  # first, so that sentence and tables agree
    targets, metric = list(results.targets), results.metric
    best = format_value_interval(**select_interval(summary["leaderboard"][0], metric))
    content: ValueReportContent = {
        "format": 1,
        "sentence": compose_sentence(summary, f"targets {', '.join(targets)}", metric, best),
        "targets": targets,
        "strata": f"quarters of {targets[0]}",
        "metric": metric,
        **summary,
        "best": find_best_systems(summary),
        "featured": select_featured_systems(summary["leaderboard"]),
        "predictions": {system.name: describe_predictions(system) for system in results.systems},
        "errors": list_largest_errors(results, summary["leaderboard"]),
        "against": None if other is None else compare_benchmarks(results, other),
        "modalities": compare_modalities(results, summary),
        "shuffled": measure_permutation_importance(results),
        "epochs": collect_epoch_curves(results),
        "sizes": collect_train_size_curves(results, summary),
        "provenance": collect_provenance(results),
    }
    lists = ("pairs", "modalities", "shuffled", "epochs", "sizes", "errors")
    return cast(ValueReportContent, round_floats(mark_entries(content, lists, ("predictions",))))

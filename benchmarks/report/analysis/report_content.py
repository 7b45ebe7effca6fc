"""Build everything that the report shows, as one plain JSON object: `results.json`.

Page and exports are made from it. `results.schema.json` in `benchmarks/report` describes it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.grid.results import Results
from benchmarks.grid.value_results import AnyResults
from benchmarks.report.analysis.against import compare_benchmarks
from benchmarks.report.analysis.calibration import measure_calibration
from benchmarks.report.analysis.confusion import count_confusion
from benchmarks.report.analysis.content_types import ReportContent, SummaryContent
from benchmarks.report.analysis.leak_marks import mark_leaks
from benchmarks.report.analysis.mistakes import list_mistakes
from benchmarks.report.analysis.modalities import compare_layers, compare_modalities
from benchmarks.report.analysis.permutation_results import measure_permutation_importance
from benchmarks.report.analysis.provenance import collect_provenance
from benchmarks.report.analysis.result_curves import collect_epoch_curves, collect_train_size_curves
from benchmarks.report.analysis.summary import summarize
from benchmarks.report.analysis.system_types import SystemContent
from benchmarks.report.analysis.verdict import find_best_systems, write_sentence
from benchmarks.report.analysis.vote_results import measure_votes

FEATURED = 8  # systems with their own figures
_DIGITS = 6  # the last digits of a float differ between processors


def build_content(results: Results, other: AnyResults | None = None) -> ReportContent:
    """Return the summary, and what the figures and tables of the report show.

    Args:
        results: of the benchmark.
        other: another benchmark to compare the same systems with.

    Raises:
        BadValue: the two benchmarks have nothing in common.
    """
    summary: SummaryContent = round_floats(summarize(results))  # first, so that sentence and tables agree
    content: ReportContent = {
        "format": 1,
        "sentence": write_sentence(summary),
        **summary,  # type: ignore[typeddict-item]  # votes are added below
        "best": find_best_systems(summary),
        "published": results.about["published"],
        "featured": select_featured_systems(summary["leaderboard"]),
        "confusion": {system.name: count_confusion(system) for system in results.systems},
        "calibration": {system.name: measure_calibration(system) for system in results.systems},
        "against": None if other is None else compare_benchmarks(results, other),
        "modalities": compare_modalities(results, summary),
        "shuffled": measure_permutation_importance(results),
        "layers": compare_layers(summary),
        "epochs": collect_epoch_curves(results),
        "sizes": collect_train_size_curves(results, summary),
        "mistakes": list_mistakes(results, summary["leaderboard"]),
        "provenance": collect_provenance(results),
    }
    if votes := measure_votes(results, summary["leaderboard"]):
        content["votes"] = votes
    marked: ReportContent = round_floats(mark_leaks(content))
    return marked


def select_featured_systems(leaderboard: Sequence[SystemContent]) -> list[str]:
    """Return the systems with their own figures: the best of each head, then the next best, at most eight."""
    first = {row["head"]: row["system"] for row in reversed(leaderboard)}
    names = [row["system"] for row in leaderboard]
    chosen = [name for name in names if name in first.values()] + [name for name in names if name not in first.values()]
    return sorted(chosen[:FEATURED], key=names.index)


def round_floats(value: Any) -> Any:
    """Round every float to six significant digits, and make lists of tuples.

    >>> round_floats({"p": (0.123456789, 1)})
    {'p': [0.123457, 1]}
    """
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {name: round_floats(item) for name, item in value.items()}
    return [round_floats(item) for item in value] if isinstance(value, (list, tuple)) else value

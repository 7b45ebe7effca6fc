"""Write the first sentence of a report."""

from benchmarks.report.analysis.content_types import BenchmarkContent, SummaryContent
from benchmarks.report.analysis.result_curves import select_interval
from benchmarks.statistics.formatting import format_interval, name_metric


def write_sentence(summary: SummaryContent) -> str:
    """Return what was compared, on what, by which protocol, n, and which system wins, if any."""
    value = format_interval(**select_interval(summary["leaderboard"][0], summary["metric"]), mark=" %")
    return compose_sentence(summary, f"{len(summary['classes'])} classes", summary["metric"], value)


def compose_sentence(content: BenchmarkContent, what: str, metric: str, value: str) -> str:
    """Return the sentence of a report of classes or of values.

    Args:
        content: with its systems, the best first.
        what: is predicted.
        metric: full name of the headline metric.
        value: the figure of the best system in it.
    """
    return f"{_comparison(content, what)}: {_verdict(content, name_metric(metric), value)}."


def find_best_systems(summary: BenchmarkContent) -> list[str]:
    """Return the first system of the leaderboard and those that do not differ from it significantly."""
    best, *others = summary["leaderboard"]
    significant = {
        frozenset((pair["first"], pair["second"])) for pair in summary["pairs"] if pair["p_holm"] < summary["level"]
    }
    return [best["system"], *(row["system"] for row in others if {best["system"], row["system"]} not in significant)]


def _comparison(content: BenchmarkContent, predicted: str) -> str:
    rows = content["leaderboard"]
    heads, sets = len({row["head"] for row in rows}), len({row["feature_set"] for row in rows})
    what = f"{_count(heads, 'head')} on {_count(sets, 'feature set')}"
    if heads > 1 and sets > 1:
        what += f" ({_count(len(rows), 'system')})"
    return (
        f"{what} compared on {content['corpus']}, {predicted}, by protocol {content['protocol']} "
        f"({_count(content['folds'], 'fold')}), n = {content['n']:,} test utterances"
    )


def _verdict(content: BenchmarkContent, metric: str, value: str) -> str:
    best, *others = content["leaderboard"]
    caveat = ", a leaked figure" * bool(best["leak"]) + ", exposure unknown" * ("exposure" in best)
    reaches = f"{metric}, {value}{caveat}"
    article = "an" if metric[0] in "au" else "a"
    equal, few = len(find_best_systems(content)) - 1, content["few"]
    if not others:
        return f"{best['system']} reaches {article} {reaches}{f'; {few}' if few else ''}"
    if few:
        return f"{few}; {best['system']} has the highest {reaches}"
    if not equal:
        return f"{best['system']} wins with the highest {reaches}, significantly above every other system"
    return (
        f"no significant winner; {best['system']} has the highest {reaches}, and {equal} of the {len(others)} others "
        f"{'does' if equal == 1 else 'do'} not differ from it significantly"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

"""Format the figures against raters' votes in Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.report.analysis.vote_types import VotesContent
from benchmarks.report.render.markdown_table import format_table
from benchmarks.statistics.formatting import format_p_value
from benchmarks.statistics.vote_formatting import format_vote_figure, name_vote_metric
from benchmarks.statistics.vote_metrics import VOTE_METRICS


def format_vote_section(found: VotesContent) -> Iterator[str]:
    """Yield the lines of the section. Figures of leaked systems are marked !."""
    without = f"; {found['without']} have none" if found["without"] else ""
    yield "\n## Votes of the raters\n"
    yield (
        f"On the {found['n']} test utterances with votes, {found['mean_raters']:.1f} raters on average{without}. "
        "The votes themselves are the best possible.\n"
    )
    rows = [_list_cells(row["system"], row["metrics"], "leaked" in row) for row in found["systems"]]
    beside = {"each rater, by the others": found["each_rater"], "the votes themselves": found["themselves"]}
    rows += [_list_cells(name, figures, False) for name, figures in beside.items() if figures]
    yield from format_table(["system", *map(name_vote_metric, VOTE_METRICS)], rows)
    if found["differences"]:
        yield "\nTrained on votes minus trained on labels, shares in points, p not corrected.\n"
        pairs = [
            [
                pair["second"],
                *(_difference(metric, one, "leaked" in pair) for metric, one in pair["metrics"].items()),
            ]
            for pair in found["differences"]
        ]
        compared = found["differences"][0]["metrics"]
        yield from format_table(["trained on labels", *map(name_vote_metric, compared)], pairs)


def _list_cells(name: str, figures: Mapping[str, Any], leaked: bool) -> list[str]:
    mark = "!" if leaked else ""
    return [name, *(format_vote_figure(metric, figures.get(metric), mark) for metric in VOTE_METRICS)]


def _difference(metric: str, one: Mapping[str, Any], leaked: bool) -> str:
    return f"{format_vote_figure(metric, one, '!' if leaked else '', difference=True)}, p {format_p_value(one['p'])}"

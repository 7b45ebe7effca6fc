"""Build the table of related work: each system's quoted figure, its figure here, and what its source says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.evaluation.head_settings import join_params
from benchmarks.paper.paper_tables import NONE, format_metric
from benchmarks.statistics.formatting import format_percent

HEADER = ("System", "Quoted %", "Accuracy here %", "What runs here", "What the source says")


@dataclass(frozen=True)
class RelatedRow:
    """A system as text.

    Args:
        system: its name.
        place: where the paper has it.
        quoted: the paper's figure, or a dash.
        labels: of that figure, or an empty string.
        measured: accuracy with its interval, or a dash.
        runs: head, settings and features; empty for a system that did not run.
        here: how what runs here differs, how it is run, or why it did not run.
        says: what the source says.
        source: authors, year, place.
    """

    system: str
    place: str
    quoted: str
    labels: str
    measured: str
    runs: str
    here: str
    says: str
    source: str


@dataclass(frozen=True)
class RelatedTable:
    """The table of related work.

    Args:
        rows: one for each system.
        notes: below the table.
    """

    rows: Sequence[RelatedRow]
    notes: Sequence[str]


def build_related_table(results: Mapping[str, Any]) -> RelatedTable | None:
    """Build the table from `results.json`, or return None where related work was not run."""
    related = results["related"]
    if not related:
        return None
    return RelatedTable([_format_row(one) for one in related["systems"]], list(_list_notes(related)))


def _format_row(one: Mapping[str, Any]) -> RelatedRow:
    is_run = "metrics" in one
    params = f" ({join_params(one['params'])})" if one["params"] else ""
    # for a system without a head, the reason is what `here` says
    parts = [one["context"] and f"Sees: {one['context']}.", one["here"]] if is_run else [one["not_run"]]
    return RelatedRow(
        system=one["system"],
        place=one["place"],
        quoted=NONE if one["quoted"] is None else f"{one['quoted']:g}",
        labels=f"{one['labels']} labels" if one["labels"] else "",
        measured=format_metric(one["metrics"]["accuracy"], one["leak"]) if is_run else NONE,
        runs=f"{one['head']}{params} on {' + '.join(one['features']) or 'transcripts'}" if is_run else "",
        here=" ".join(filter(None, parts)),
        says=one["says"],
        source=one["source"],
    )


def _list_notes(related: Mapping[str, Any]) -> Iterator[str]:
    floor = related["baseline"]["accuracy"]
    yield (
        f"Here: accuracy on the fusion's test part, n = {floor['n']:,}, with its 95 % interval. Each head has the "
        "defaults of this project except for the settings named, seed 0, and the features of the paper's encoders: the "
        f"text's first token, the mean of the audio's frames, or all frames. The most frequent class alone: "
        f"{format_percent(floor['value'])} %."
    )
    yield (
        "Quoted figures are of other labels, metrics, features, modalities and splits. They are not comparable with "
        "those here or with each other. Names and quoted figures are the paper's, also where a source says otherwise."
    )
    yield (
        "Networks choose their epoch on a tenth of the training part, which for heads that read dialogues is of whole "
        "dialogues. Test chooses nothing."
    )
    dialogues = related["dialogues"]
    if dialogues["total"]:
        yield (
            f"The paper's split cuts {dialogues['cut']:,} of {dialogues['total']:,} dialogues into training and test. "
            "Of these a head that reads dialogues sees the turns of one side only, so that its context has holes. "
            "Sources mostly keep dialogues whole: see the protocol dialogue-kfold."
        )

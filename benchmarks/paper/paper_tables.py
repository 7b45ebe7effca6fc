"""Build the paper's six tables with measured and published figures, and a table of other heads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.paper.paper_plan import read_published_figures
from benchmarks.statistics.formatting import format_interval, format_percent, format_points

NONE = "–"
TITLES = {
    "text": ("DeBERTa evolution across epochs", "Text model performance comparison"),
    "audio": ("Wav2Vec2.0 evolution across epochs", "Audio model performance comparison"),
    "fusion": ("Fusion evolution across epochs", "Fusion model performance comparison"),
}
ACCURACY = (
    "Accuracy is the share of turns whose class is right, which the paper's tables call unweighted accuracy. The "
    "unweighted average recall, which other papers call unweighted accuracy, is the next column."
)
QUOTED = (
    "Rows of other systems are quoted from the paper's table with their own labels and metrics. A guess among 4 labels "
    "is right more often than among 6, and the splits differ, so they are not comparable with this system."
)


@dataclass(frozen=True)
class PaperTable:
    """A table as text.

    Args:
        title: with its number.
        header: one cell per column.
        rows: cells of each row.
        notes: below the table.
        own: index of the row to highlight, or None.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    own: int | None = None


def stage_tables(results: Mapping[str, Any], name: str) -> list[PaperTable]:
    """Return the two tables of a stage: its accuracy by blocks of epochs, and a comparison with other systems."""
    return [_evolution(results, name), _comparison(results, name)]


def heads_table(results: Mapping[str, Any]) -> PaperTable:
    """Return the table of other heads and single modalities on the same features."""
    rows = [
        [row["modality"], row["head"], *(format_metric(row["metrics"][name], row["leak"]) for name in _METRICS)]
        for row in results["heads"]
    ]
    n = results["heads"][0]["metrics"]["accuracy"]["n"]
    header = ["Features", "Head", *(f"{name.replace('_', ' ').capitalize()} %" for name in _METRICS)]
    note = (
        f"n = {n:,} turns, the fusion's test part. Pooled vectors and class scores of the same encoders (the text's "
        "first token, the mean of the audio's frames), each head with its defaults. In brackets: 95 % intervals."
    )
    return PaperTable("Not in the paper: other heads, single modalities", header, rows, [note])


def format_metric(found: Mapping[str, Any], leak: str) -> str:
    """Format a metric in percent with its interval, marked where it leaks."""
    return format_interval(found["value"], found["low"], found["high"], " !" if leak else "")


_METRICS = ("accuracy", "unweighted_average_recall")


def _evolution(results: Mapping[str, Any], name: str) -> PaperTable:
    stage, paper = results["stages"][name], read_published_figures()["stages"][name]
    values = {tuple(block["epochs"]): block["accuracy"] for block in paper["blocks"]}
    rows = [
        [
            "–".join(map(str, block["epochs"])),
            *_figures(values.get(tuple(block["epochs"])), block["metrics"]["accuracy"], stage["leak"]),
            _percent(block["metrics"]["unweighted_average_recall"]["value"], stage["leak"]),
        ]
        for block in stage["blocks"]
    ]
    header = ["Epochs", *_FIGURES, "Unweighted average recall %"]
    title = f"Table {paper['epochs_table']}. {TITLES[name][0]}"
    notes = [_count_published(name), f"Measured: {_classes(stage)}; one run, its state after the block's last epoch."]
    return PaperTable(title, header, rows, [*notes, ACCURACY])


def _comparison(results: Mapping[str, Any], name: str) -> PaperTable:
    stage, paper = results["stages"][name], read_published_figures()["stages"][name]
    header = ["Model", "Labels", "Metric, as quoted", *_FIGURES]
    rows = [
        [f"{row['model']} ({row['year']})", str(row["labels"]), row["metric"], f"{row['accuracy']:.3f}", *[NONE] * 3]
        for row in read_published_figures()["quoted"][name]
    ]
    quoted = next(block for block in paper["blocks"] if block["epochs"] == paper["quoted"])
    last = stage["blocks"][-1]
    own = [f"{paper['model']} (published; here)", _labels(paper, stage), "Accuracy"]
    rows.append([*own, *_figures(quoted["accuracy"], last["metrics"]["accuracy"], stage["leak"])])
    start, end = paper["quoted"]
    notes = [f"The paper quotes its epochs {start} to {end}; measured is the last epoch, {last['epochs'][1]}."]
    title = f"Table {paper['comparison_table']}. {TITLES[name][1]}"
    return PaperTable(title, header, rows, [*notes, QUOTED], own=len(rows) - 1)


_FIGURES = ("Published %", "Measured % [95 % interval]", "Difference, points", "n")


def _figures(paper: float | None, measured: Mapping[str, Any], leak: str) -> list[str]:
    """Return published value, measured value with its interval, difference and n."""
    difference = NONE if paper is None else format_points(measured["value"] - paper / 100)
    value = NONE if paper is None else f"{paper:.3f}"
    return [value, format_metric(measured, leak), difference, f"{measured['n']:,}"]


def _percent(value: float, leak: str) -> str:
    return f"{format_percent(value)}{' !' if leak else ''}"


def _count_published(name: str) -> str:
    paper = read_published_figures()["stages"][name]
    share = paper["blocks"][-1]["accuracy"] / 100
    half = 196 * (share * (1 - share) / paper["n"]) ** 0.5
    return f"Published: n = {paper['n']:,} ({paper['n_source']}), so ± {half:.1f} points; {paper['hardware']}."


def _classes(stage: Mapping[str, Any]) -> str:
    return f"{len(stage['classes'])} classes ({', '.join(stage['classes'])}), {stage['train']:,} turns in training"


def _labels(paper: Mapping[str, Any], stage: Mapping[str, Any]) -> str:
    here = len(stage["classes"])
    return str(here) if here == paper["labels"] else f"{paper['labels']}; here {here}"

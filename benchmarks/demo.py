"""Run the demo: extract the embedded corpus, fit a table of heads and modalities, and run two benchmarks.

The corpus itself is `featurestore.corpora.demo`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.compare import compare
from benchmarks.fitting.fit import fit_and_save
from benchmarks.fitting.result import FittedHead
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.report.analysis.system_types import SystemContent
from benchmarks.report.render.markdown_table import format_table
from benchmarks.report.write_report import PAGE
from benchmarks.statistics.formatting import format_interval
from featurestore.commands.extract import extract
from featurestore.labels import load_card
from featurestore.storage.atomic import write_text
from featurestore.store import Store

HEADS = ("mlp", "svm", "xgb")
FUSED = "text + audio"
FEATURES = {
    "text only": "text.mean,text.logits",
    "audio only": "audio.mean,audio.logits",
    FUSED: "audio.mean,audio.logits,text.mean,text.logits",  # in the order of the benchmark's feature set `both`
}
TABLE, BENCHMARK, DIALOGUES = "demo.md", "benchmark", "dialogues"
# of the benchmark on whole dialogues: one turn at a time, and the dialogue around it
DIALOGUE_HEADS = ("prior", "logistic", "emocaps")


@dataclass(frozen=True)
class DemoRow:
    """A row of the table: a head on some features."""

    head: str
    modality: str
    fitted: FittedHead


@dataclass(frozen=True)
class Demo:
    """The store and the tables of the demo.

    Args:
        store: its folder.
        rows: of the heads and modalities.
        dialogues: the leaderboard of the benchmark on whole dialogues.
    """

    store: Path
    rows: tuple[DemoRow, ...]
    dialogues: tuple[SystemContent, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the table as plain JSON."""
        rows = [{"head": row.head, "modality": row.modality, **row.fitted.to_json()} for row in self.rows]
        folder = str(self.store / BENCHMARK)
        summary = {"store": str(self.store), "note": load_card("demo").note, "benchmark": folder, "rows": rows}
        return summary | {"dialogues": {"store": str(self.store / DIALOGUES), "rows": list(self.dialogues)}}

    def table(self) -> str:
        """Return the table in Markdown, and the paths of all files."""
        pooled = self.rows[0].fitted.pooled
        lines = [
            f"# Demo: {load_card('demo').note}",
            "",
            f"Test part of protocol holdout, split seed 0, n = {pooled.test}, {len(self._classes())} classes. "
            f"Nothing was trained on it. In brackets: 95 % bootstrap intervals over {pooled.clusters.over}.",
            "",
            *format_table(
                ["modality", "head", "accuracy %", "unweighted average recall %"], [_cells(r) for r in self.rows]
            ),
            "",
            *self._describe_dialogues(),
            "",
            f"store    {self.store}",
            f"bundles  {self.store / 'bundles'}",
            f"table    {self.store / TABLE}",
            f"report   {self.store / BENCHMARK / PAGE}",
            f"         {self.store / DIALOGUES / BENCHMARK / PAGE}",
        ]
        return "\n".join(lines)

    def _describe_dialogues(self) -> list[str]:
        """Return a table of what the dialogue around a turn is worth, on words alone."""
        rows = sorted(self.dialogues, key=lambda row: row["metrics"]["accuracy"]["value"])
        return [
            "Whole dialogues held out (protocol dialogue-kfold), words by a network without training:",
            "",
            *format_table(
                ["a turn is read", "head", "accuracy %", "unweighted average recall %"],
                [[row.get("context") or "alone", row["head"], *_read_figures(row)] for row in rows],
            ),
        ]

    def _classes(self) -> tuple[str, ...]:
        return self.rows[0].fitted.bundle.classes


def run_demo(store: Path, say: Callable[[str], None]) -> Demo:
    """Prepare, fine-tune, extract, fit every head on text, audio and both, and report two comparisons.

    Existing files are reused. The heads are fitted twice: for the table and its bundles, and for the benchmark.

    Args:
        store: the demo's store.
        say: receives lines for the user.
    """
    for item in extract(store, corpus="demo", say=say):
        say(item.summary())
    opened = Store(store)
    say("fitting heads …")
    rows = [DemoRow("prior", "none", _fit(opened, "prior", FUSED))]
    rows += [DemoRow(head, modality, _fit(opened, head, modality)) for modality in FEATURES for head in HEADS]
    say("comparing heads …")
    config = BenchmarkConfig.parse(("prior", *HEADS), "text,audio,both", permute=True)
    compare(store, config, store / BENCHMARK, say=say)
    made = Demo(store, tuple(rows), _compare_on_dialogues(store, say))
    write_text(store / TABLE, made.table() + "\n")
    return made


def _fit(store: Store, head: str, modality: str) -> FittedHead:
    name = head if modality == FUSED else f"{head}-{modality.split()[0]}"
    return fit_and_save(store, head=head, params=(), features=FEATURES[modality], out=store.path / "bundles" / name)


def _compare_on_dialogues(store: Path, say: Callable[[str], None]) -> tuple[SystemContent, ...]:
    """Compare heads with and without the dialogue around a turn, in a store of their own.

    The demo's fine-tuned encoders saw turns of every dialogue, so their text network is taken before fine-tuning.
    """
    folder, network = store / DIALOGUES, store / "checkpoints" / "start-text"
    for item in extract(folder, corpus="demo", root=store / "corpus", encoders=[f"text={network}"], say=say):
        say(item.summary())
    say("comparing heads on whole dialogues …")
    config = BenchmarkConfig.parse(DIALOGUE_HEADS, "text.mean", protocol="dialogue-kfold")
    content, _ = compare(folder, config, folder / BENCHMARK, say=say)
    return tuple(content["leaderboard"])


def _read_figures(row: Mapping[str, Any]) -> list[str]:
    figures = (row["metrics"][name] for name in ("accuracy", "unweighted_average_recall"))
    return [format_interval(one["value"], one["low"], one["high"]) for one in figures]


def _cells(row: DemoRow) -> list[str]:
    metrics = row.fitted.pooled.metrics
    figures = [metrics["accuracy"], metrics["unweighted_average_recall"]]
    return [row.modality, row.head, *(format_interval(f.value, f.low, f.high) for f in figures)]

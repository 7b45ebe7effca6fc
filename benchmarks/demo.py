"""Run the demo: extract the embedded corpus, fit a table of heads and modalities, and run a benchmark.

The corpus itself is `featurestore.corpora.demo`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.compare import compare
from benchmarks.fitting.fit import fit_and_save
from benchmarks.fitting.result import FittedHead
from benchmarks.grid.config import BenchmarkConfig
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
TABLE, BENCHMARK = "demo.md", "benchmark"


@dataclass(frozen=True)
class DemoRow:
    """A row of the table: a head on some features."""

    head: str
    modality: str
    fitted: FittedHead


@dataclass(frozen=True)
class Demo:
    """The store and the table of the demo."""

    store: Path
    rows: tuple[DemoRow, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the table as plain JSON."""
        rows = [{"head": row.head, "modality": row.modality, **row.fitted.to_json()} for row in self.rows]
        folder = str(self.store / BENCHMARK)
        return {"store": str(self.store), "note": load_card("demo").note, "benchmark": folder, "rows": rows}

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
            f"store    {self.store}",
            f"bundles  {self.store / 'bundles'}",
            f"table    {self.store / TABLE}",
            f"report   {self.store / BENCHMARK / PAGE}",
        ]
        return "\n".join(lines)

    def _classes(self) -> tuple[str, ...]:
        return self.rows[0].fitted.bundle.classes


def run_demo(store: Path, say: Callable[[str], None]) -> Demo:
    """Prepare, fine-tune, extract, fit every head on text, audio and both, and report their comparison.

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
    made = Demo(store, tuple(rows))
    write_text(store / TABLE, made.table() + "\n")
    return made


def _fit(store: Store, head: str, modality: str) -> FittedHead:
    name = head if modality == FUSED else f"{head}-{modality.split()[0]}"
    return fit_and_save(store, head=head, params=(), features=FEATURES[modality], out=store.path / "bundles" / name)


def _cells(row: DemoRow) -> list[str]:
    metrics = row.fitted.pooled.metrics
    figures = [metrics["accuracy"], metrics["unweighted_average_recall"]]
    return [row.modality, row.head, *(format_interval(f.value, f.low, f.high) for f in figures)]

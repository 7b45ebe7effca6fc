"""What `cli benchmark` does: opens the stores, runs, and writes the report beside the runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.evaluation.pair import Pair
from benchmarks.evaluation.source import Store
from benchmarks.grid import results
from benchmarks.grid.asked import Asked, command
from benchmarks.grid.plan import plan
from benchmarks.grid.runner import execute
from benchmarks.report.analysis.content_types import ReportContent
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render.summary_markdown import render_summary
from benchmarks.report.write_report import PAGE, write_report
from featurestore.engines import Engine
from featurestore.errors import BadValue
from featurestore.storage.lock import locked
from featurestore.store import Store as OnDisk

CROSS = "cross-corpus"


def compare(
    store: Path,
    asked: Asked,
    out: Path,
    *,
    test_store: Path | None = None,
    test_labels: str | None = None,
    jobs: int | None = None,
    engine: str = "loky",
    scheduler: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[ReportContent, str]:
    """Runs what is missing and writes the report into `out`; its content, and what the terminal shows of it.

    Args:
        store: of the corpus.
        asked: what to compare.
        out: the folder of the benchmark.
        test_store: the other corpus, for the protocol cross-corpus; `test_labels` its label scheme.
        jobs: worker processes; by default the cores.
        engine: `loky`, `dask` or `ray`; `scheduler`: of a running dask cluster.
        say: receives lines for the user.

    Raises:
        BadValue: a scheduler for an engine that has none, a second store without the protocol for it, or labels without
            a second store.
        Problem: as `benchmark` raises.
    """
    if test_labels is not None and test_store is None:
        raise BadValue("--test-labels is there without a store that they are of", do="--test-store FOLDER")
    where = Engine(engine, jobs or 0, scheduler or "", device="cpu")
    said = command(asked, store, out, test_store, test_labels)
    if not where.local:  # a worker may run in another folder
        store, test_store = store.resolve(), test_store.resolve() if test_store else None
    opened: Store = OnDisk(store)
    if test_store is not None:
        if asked.protocol != CROSS:
            raise BadValue("--test-store is there", expected=f"--protocol {CROSS}", got=f"--protocol {asked.protocol}")
        opened = Pair(OnDisk(store), OnDisk(test_store), asked.labels, test_labels, say)
        asked = replace(asked, labels=None)  # the pair has applied them
    planned = plan(opened, asked, say)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out, work="benchmark", option="--out"):
        execute(planned, out, engine=where, said=said, say=say)
        found, text = summary(out)
        write_report(found, out / PAGE)
    return found, f"{text}\npage {out / PAGE}"


def summary(out: Path) -> tuple[ReportContent, str]:
    """The report's content and its tables in Markdown, from the files alone: the same files give the same bytes."""
    found = build_content(results.read(out))
    return found, render_summary(found)

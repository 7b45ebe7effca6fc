"""Run a benchmark from a store to its report, as `cli benchmark` does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.evaluation.pair import Pair
from benchmarks.evaluation.source import FeatureSource
from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import BenchmarkPlan, plan
from benchmarks.grid.runner import execute
from benchmarks.grid.value_results import read_any_results
from benchmarks.report.analysis.content_types import ReportContent
from benchmarks.report.values.value_types import ValueReportContent
from benchmarks.report.write_report import PAGE, describe_results, write_report
from featurestore.engines import Engine
from featurestore.errors import BadValue
from featurestore.storage.json_files import find_object
from featurestore.storage.lock import lock_folder
from featurestore.store import Store as OnDisk

CROSS = "cross-corpus"


def compare(
    store: Path,
    config: BenchmarkConfig,
    out: Path,
    *,
    test_store: Path | None = None,
    test_labels: str | None = None,
    jobs: int | None = None,
    engine: str = "loky",
    scheduler: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[ReportContent | ValueReportContent, str]:
    """Execute the missing runs of a benchmark and write its report into `out`.

    Args:
        store: the folder of the store.
        config: what to compare.
        out: the folder of the benchmark.
        test_store: the store to test on, for the protocol cross-corpus.
        test_labels: its label scheme.
        jobs: worker processes; by default one per core.
        engine: `loky`, `dask` or `ray`.
        scheduler: address of a running dask cluster.
        say: receives lines for the user.

    Returns:
        The content of the report, and its tables as text.

    Raises:
        BadValue: a scheduler for an engine that has none, a test store without the protocol cross-corpus or with a
            target, or test labels without a test store.
        Problem: as `benchmark` raises.
    """
    if test_labels is not None and test_store is None:
        raise BadValue("--test-labels needs --test-store", do="--test-store FOLDER")
    if config.target and test_store is not None:
        raise BadValue(
            "--test-store is not for --target: two corpora rate valence, activation and dominance on different scales",
            do="leave one of the two out",
        )
    workers = Engine(engine, jobs or 0, scheduler or "", device="cpu")
    command = config.command(store, out, test_store, test_labels)
    if not workers.local:  # a worker may run in another folder
        store, test_store = store.resolve(), test_store.resolve() if test_store else None
    opened: FeatureSource = OnDisk(store)
    if test_store is not None:
        if config.protocol != CROSS:
            raise BadValue(
                "--test-store needs the protocol cross-corpus",
                expected=f"--protocol {CROSS}",
                got=f"--protocol {config.protocol}",
            )
        opened = Pair(OnDisk(store), OnDisk(test_store), config.labels, test_labels, say)
        config = replace(config, labels=None)  # the pair has applied them
    content, text = run_plan(plan(opened, config, say), out, engine=workers, command=command, say=say)
    return content, f"{text}\npage {out / PAGE}"


def run_plan(
    planned: BenchmarkPlan, out: Path, *, engine: Engine | None = None, command: str, say: Callable[[str], None]
) -> tuple[ReportContent | ValueReportContent, str]:
    """Execute the missing runs of a plan and write its report into `out`.

    Args:
        planned: the benchmark.
        out: its folder.
        engine: the workers; by default processes on this machine.
        command: that repeats it, for the report.
        say: receives lines for the user.

    Returns:
        The content of the report, and its tables as text.

    Raises:
        Problem: as `execute` raises.
    """
    out.mkdir(parents=True, exist_ok=True)
    with lock_folder(out, work="benchmark", option="--out"):
        if (before := _find_command(out)) not in ("", command):
            say(f"replaces the report in {out} of: {before}")
        execute(planned, out, engine=engine, command=command, say=say)
        content, text = read_summary(out)
        write_report(content, out / PAGE)
    return content, text


def _find_command(out: Path) -> str:
    """Return the command of the benchmark in a folder, or an empty string."""
    return str((find_object(out / results.ABOUT) or {}).get("command", ""))


def read_summary(out: Path) -> tuple[ReportContent | ValueReportContent, str]:
    """Read a benchmark's folder and return the content of its report, and its tables in Markdown."""
    return describe_results(read_any_results(out))

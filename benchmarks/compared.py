"""What `cli benchmark` does: opens the stores, runs, summarises, and writes the summary beside the runs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.report.summary import render, summarise
from benchmarks.runs import results
from benchmarks.runs.asked import Asked, command
from benchmarks.runs.pair import Pair
from benchmarks.runs.runner import benchmark
from benchmarks.runs.source import Store
from featurestore.errors import BadValue
from featurestore.files import write_text
from featurestore.store import Store as OnDisk

SUMMARY, TABLE = "summary.json", "summary.md"
CROSS = "cross-corpus"


def compare(
    store: Path,
    asked: Asked,
    out: Path,
    *,
    test_store: Path | None = None,
    test_labels: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[dict[str, Any], str]:
    """Runs what is missing; the summary as JSON and as Markdown.

    Args:
        store: of the corpus.
        asked: what to compare.
        out: the folder of the benchmark.
        test_store: the other corpus, for the protocol cross-corpus; `test_labels` its label scheme.
        say: receives lines for the user.

    Raises:
        BadValue: a second store without the protocol for it.
        Problem: as `benchmark` raises.
    """
    opened: Store = OnDisk(store)
    said = command(asked, store, out, test_store, test_labels)
    if test_store is not None:
        if asked.protocol != CROSS:
            raise BadValue("--test-store is there", expected=f"--protocol {CROSS}", got=f"--protocol {asked.protocol}")
        opened = Pair(opened, OnDisk(test_store), asked.labels, test_labels, say)
        asked = replace(asked, labels=None)  # the pair has applied them
    benchmark(opened, asked, out, said=said, say=say)
    return summary(out)


def summary(out: Path) -> tuple[dict[str, Any], str]:
    """Makes the summary from the files alone and writes it beside them: the same files give the same bytes."""
    found = summarise(results.read(out))
    text = render(found)
    write_text(out / SUMMARY, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    write_text(out / TABLE, text)
    return found, text

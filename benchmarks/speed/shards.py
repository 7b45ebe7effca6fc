"""Write, open and read a store of 10 million tiny rows that is cut into shards, and measure how that grows."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.speed._growth import compare_sizes, measure_growth
from benchmarks.speed._row import Measurement
from featurestore.manifest import Utterance
from featurestore.shards.write_shards import write_shards
from featurestore.storage import feature_writer
from featurestore.storage.feature_writer import encode_text
from featurestore.storage.schema import Header
from featurestore.store import Store

SIZES, SHARD = (1_000_000, 10_000_000), 100_000  # utterances, and those of a shard
WIDTH, ASKED, BATCH = 4, 20_000, 4096  # columns, rows that are read by id, rows of a batch
SMALL_SIZES, SMALL_SHARD = (200, 400), 100


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure each size and each piece of work in a process of its own."""
    sizes, shard = (SMALL_SIZES, SMALL_SHARD) if small else (SIZES, SHARD)
    settings = f"shards of {shard:,} rows, {WIDTH} columns of float32, one process"
    where = str(folder)
    work = {
        "writing manifests and features": measure_growth(write, sizes, where, shard),
        "opening": measure_growth(open_whole, sizes, where),
        f"{min(ASKED, sizes[0]):,} random rows by id, first read": measure_growth(read_random, sizes, where, 1),
        f"{min(ASKED, sizes[0]):,} random rows by id, later reads": measure_growth(read_random, sizes, where, 5),
        "iterating over all rows": measure_growth(iterate, sizes, where),
    }
    return [row for name, costs in work.items() for row in compare_sizes(name, costs, settings)]


def write(rows: int, folder: str, shard: int) -> float:
    """Write a store through the writers of manifests and feature files, and return the seconds."""
    started = time.perf_counter()
    path = _locate(folder, rows)
    index = write_shards(path, {"corpus": "table", "root": folder}, _make_utterances(rows), shard).index
    empty = encode_text([])
    for one in index.shards:
        numbers = np.arange(one.start, one.start + one.utterances)
        header = Header("text", "text", {"class": "none", "checkpoint": "none"}, "0" * 64, manifest=one.manifest)
        texts = {"id": encode_text([_name(number) for number in numbers.tolist()]), "failed/id": empty}
        columns = texts | {"failed/reason": empty, "mean": _make_values(numbers)}
        feature_writer.write(path / one.name / "text.h5", columns, header)
    return time.perf_counter() - started


def open_whole(rows: int, folder: str) -> float:
    """Open a store and ask for its size, its features and their width, and return the seconds."""
    started = time.perf_counter()
    store = Store(_locate(folder, rows))
    found = len(store.utterances), store.default_features(), store.shape("text.mean")
    taken = time.perf_counter() - started
    if found != (rows, ["text.mean"], (WIDTH,)):
        raise RuntimeError(f"{found}: not a measurement")
    return taken


def read_random(rows: int, folder: str, repeats: int) -> float:
    """Read random rows by id, and return the seconds of the last repeat. Each repeat reads others."""
    store, random, taken = Store(_locate(folder, rows)), np.random.default_rng(0), 0.0
    for _ in range(repeats):
        numbers = random.integers(0, rows, min(ASKED, rows))
        ids = [_name(number) for number in numbers.tolist()]
        started = time.perf_counter()
        X, _, _ = store.matrix(["text.mean"], ids)
        taken = time.perf_counter() - started
        if not np.array_equal(X, _make_values(numbers)):
            raise RuntimeError("other rows than were asked for: not a measurement")
    return taken


def iterate(rows: int, folder: str) -> float:
    """Read all rows in batches, and return the seconds."""
    store, started, count = Store(_locate(folder, rows)), time.perf_counter(), 0
    for X, ids in store.batches(["text.mean"], size=BATCH):
        if ids[0] != _name(count) or X[0, 0] != np.float32(count):
            raise RuntimeError(f"another row than {count}: not a measurement")
        count += len(ids)
    if count != rows:
        raise RuntimeError(f"{count} of {rows} rows: not a measurement")
    return time.perf_counter() - started


def _locate(folder: str, rows: int) -> Path:
    return Path(folder) / f"store{rows}"


def _name(number: int) -> str:
    return f"u{number:09d}"


def _make_utterances(rows: int) -> Iterator[Utterance]:
    return (
        Utterance(_name(row), text=f"w{row % 997}", label="ab"[row % 2], speaker=f"s{row % 89}") for row in range(rows)
    )


def _make_values(numbers: np.ndarray) -> np.ndarray:
    """Make a row from its number, float32 (N, WIDTH), exact up to 4 million."""
    return (numbers[:, None] * np.arange(1, WIDTH + 1)).astype(np.float32)

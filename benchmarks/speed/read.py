"""Reading features through `Store.matrix` against `np.load(mmap_mode="r")` of the same matrix.

Bars: all 100,000 rows of 768 float32 at least 0.9 of its speed, 20,000 random rows at least 0.8. Both sides end with
the rows in memory. The files are in the page cache on both sides; the store and the map are open.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.speed import _corpus
from benchmarks.speed._row import Row, compared
from featurestore import featurefile
from featurestore.featurefile import encode_text
from featurestore.manifest import Utterance
from featurestore.schema import Header
from featurestore.store import Store


def measure(folder: Path, small: bool) -> list[Row]:
    """All rows and random rows, both sides in alternation."""
    count, some = (1000, 200) if small else (100_000, 20_000)
    store, saved = _write(folder, count)
    ids = [utterance.id for utterance in store.utterances]
    picked = np.random.default_rng(1).integers(0, count, some)
    wanted = [ids[row] for row in picked]
    repeats = 2 if small else 7
    everything = _alternate(lambda: store.matrix(["audio.mean"], ids)[0], lambda: np.array(saved), repeats)
    random = _alternate(lambda: store.matrix(["audio.mean"], wanted)[0], lambda: saved[picked], repeats)
    size, reference = f"{count:,} x 768 float32 in the page cache, one process", 'np.load(mmap_mode="r")'
    return [
        compared("read all rows", reference, *everything, "s", size, bar=0.9, faster=True),
        compared(f"read {some:,} random rows", reference, *random, "s", size, bar=0.8, faster=True),
    ]


def _write(folder: Path, count: int) -> tuple[Store, np.ndarray]:
    matrix = np.random.default_rng(0).standard_normal((count, 768), dtype=np.float32)
    rows = [Utterance(f"u{index:06d}", text="w1") for index in range(count)]
    store = _corpus.store(folder / "store", rows, folder)
    header = Header("audio", "audio", {"class": "none"}, "0" * 64, manifest=store.manifest_digest)
    columns = {"id": encode_text([row.id for row in rows]), "mean": matrix, "failed/id": encode_text([])}
    featurefile.write(store.path / "audio.h5", columns | {"failed/reason": encode_text([])}, header)
    np.save(folder / "reference.npy", matrix)
    return store, np.load(folder / "reference.npy", mmap_mode="r")


def _alternate(
    ours: Callable[[], np.ndarray], reference: Callable[[], np.ndarray], repeats: int
) -> tuple[list[float], list[float]]:
    """Seconds of both, in alternation, after one call of each that also shows that both give the same."""
    np.testing.assert_array_equal(ours(), reference())
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for seconds, function in zip(times, (ours, reference), strict=True):
            started = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - started)
    return times

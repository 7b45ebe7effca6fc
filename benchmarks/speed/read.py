"""Reading features through `Store.matrix` against `np.load(mmap_mode="r")` of the same matrix.

Bars: all 100,000 rows of 768 float32 at least 0.9 of its speed. 20,000 random rows by row number, found once by
`Store.rows`, at least 0.95 of the map by row number; by utterance id, at least the speed of the map with a dict from id
to row. Both sides end with the rows in memory. The files are in the page cache on both sides; the store, its manifest
and the map are open.

Two more rows show what an id costs: the store by id against the map by row number, and the dict alone.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.speed import _corpus
from benchmarks.speed._row import Measurement, compare_repeats, summarize
from featurestore.manifest import Utterance
from featurestore.store import Store


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure all rows and random rows, both sides in alternation."""
    count, some = (1000, 200) if small else (100_000, 20_000)
    store, saved = _write(folder, count)
    ids = [utterance.id for utterance in store.utterances]
    picked = np.random.default_rng(1).integers(0, count, some)
    wanted = [ids[row] for row in picked]
    repeats = 2 if small else 7
    everything = _alternate(lambda: store.matrix(["audio.mean"], ids)[0], lambda: np.array(saved), repeats)
    rows = store.rows(wanted)
    by_row = _alternate(lambda: store.matrix(["audio.mean"], rows=rows)[0], lambda: saved[picked], repeats)
    random = _alternate(lambda: store.matrix(["audio.mean"], wanted)[0], lambda: saved[picked], repeats)
    place = {utterance_id: row for row, utterance_id in enumerate(ids)}

    def look_up() -> np.ndarray:
        return np.fromiter(map(place.__getitem__, wanted), np.int64, some)

    by_id = _alternate(lambda: store.matrix(["audio.mean"], wanted)[0], lambda: saved[look_up()], repeats)
    found = _alternate(look_up, look_up, repeats)
    size, reference = f"{count:,} x 768 float32 in the page cache, one process", 'np.load(mmap_mode="r")'
    what, dictionary = f"read {some:,} random rows", f"{reference}, by a dict of ids"
    return [
        compare_repeats("read all rows", reference, *everything, "s", size, bar=0.9, faster=True),
        compare_repeats(f"{what} by row number", reference, *by_row, "s", size, bar=0.95, faster=True),
        compare_repeats(f"{what} by id", dictionary, *by_id, "s", size, bar=1.0, faster=True),
        compare_repeats(f"{what} by id", f"{reference} by row number", *random, "s", size, faster=True),
        summarize(f"find {some:,} ids in a dict", found[0], "s", size),
    ]


def _write(folder: Path, count: int) -> tuple[Store, np.ndarray]:
    matrix = np.random.default_rng(0).standard_normal((count, 768), dtype=np.float32)
    rows = [Utterance(f"u{index:06d}", text="w1") for index in range(count)]
    store = _corpus.write_store(folder / "store", rows, folder)
    _corpus.write_features(store, "audio", {"mean": matrix})
    np.save(folder / "reference.npy", matrix)
    return store, np.load(folder / "reference.npy", mmap_mode="r")


def _alternate(
    ours: Callable[[], np.ndarray], reference: Callable[[], np.ndarray], repeats: int
) -> tuple[list[float], list[float]]:
    """Return the seconds of both in alternation, after checking that both give the same."""
    np.testing.assert_array_equal(ours(), reference())
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for seconds, function in zip(times, (ours, reference), strict=True):
            started = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - started)
    return times

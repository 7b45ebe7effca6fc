"""Writing a feature file of 100,000 x 768 float32, digests and flush to disk included, against `np.save`.

Bar: at least 0.7 of its speed. `np.save` is followed by fsync, as the feature file is: without it both would only
measure who leaves more to the kernel.
"""

import os
import time
from pathlib import Path

import numpy as np

from benchmarks.speed._row import Measurement, compare_repeats
from featurestore.storage import feature_writer
from featurestore.storage.schema import Header

HEADER = Header("audio", "audio", {"class": "none"}, "0" * 64)


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure both five times in alternation, each over its last file."""
    matrix = np.random.default_rng(0).standard_normal((1000 if small else 100_000, 768), dtype=np.float32)
    ours, reference = [], []
    for _ in range(2 if small else 5):
        reference.append(_save(folder / "reference.npy", matrix))
        ours.append(_write(folder / "audio.h5", matrix))
    size = f"{matrix.shape[0]:,} x {matrix.shape[1]} float32, files replaced, fsync on both sides, one process"
    return [compare_repeats("write a feature file", "np.save", ours, reference, "s", size, bar=0.7, faster=True)]


def _save(path: Path, matrix: np.ndarray) -> float:
    started = time.perf_counter()
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.save(file, matrix)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return time.perf_counter() - started


def _write(path: Path, matrix: np.ndarray) -> float:
    started = time.perf_counter()
    feature_writer.write(path, {"mean": matrix}, HEADER)
    return time.perf_counter() - started

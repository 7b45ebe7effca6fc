"""The heads on a corpus of IEMOCAP's size: prior, logistic, svm, mlp, xgb x 5 session folds on 7,380 x 1,548 features.

Bars: under 300 s from start to end on 2 cores, and the runner (starting workers, reading features, writing predictions,
cores that wait for the last run) at most 1.05 x the heads' own time to fit and to predict. The features are drawn: of
each column 7 % of the variance at most is the class's, which makes the heads about as accurate as on IEMOCAP.
"""

import time
from pathlib import Path

import numpy as np

from benchmarks.grid import results, run_records
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.runner import benchmark
from benchmarks.speed import _corpus, _machine
from benchmarks.speed._row import Measurement, compare_repeats, summarize
from featurestore.manifest import Utterance
from featurestore.store import Store

HEADS = ("prior", "logistic", "svm", "mlp", "xgb")
CLASSES = ("angry", "excited", "frustrated", "happy", "neutral", "sad")
SESSIONS = 5
STRENGTH = 0.09  # standard deviation of a class's mean in a column, where it is 1 within the class


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Time one benchmark from start to end."""
    count, width = (120, 8) if small else (7380, 768)
    store = _write(folder / "store", count, width)
    started = time.perf_counter()
    config = BenchmarkConfig.parse(heads=HEADS, protocol="leave-one-session-out", params=("mlp.device=cpu",))
    benchmark(store, config, folder / "runs", say=print)
    taken = time.perf_counter() - started
    runs = [run for system in results.read(folder / "runs").systems for run in system.runs]
    own = sum(run.record.seconds["fit"] + run.record.seconds["predict"] for run in runs)
    cores = _machine.count_cores()
    settings = f"{len(runs)} runs on {count:,} x {2 * (width + len(CLASSES)):,}, {cores} processes of 1 thread"
    return [
        summarize("five heads x 5 folds", [taken], "s", settings, bar=300),
        compare_repeats(
            "runner", "the heads' own time", [taken * cores], [own], "core s", settings, bar=1.05, at_most=True
        ),
        *(summarize(f"{head}, one fold", [_fit(runs, head)], "s", settings) for head in HEADS),
    ]


def _fit(runs: list[run_records.RecordedRun], head: str) -> float:
    return float(np.median([run.record.seconds["fit"] for run in runs if run.record.head == head]))


def _write(path: Path, count: int, width: int) -> Store:
    """Write a store of two modalities with embeddings and logits whose columns depend weakly on the class."""
    random = np.random.default_rng(0)
    codes = random.integers(0, len(CLASSES), count)
    rows = [
        Utterance(f"u{row:05d}", text="w1", label=CLASSES[code], speaker=f"s{row % 10}", session=str(row % SESSIONS))
        for row, code in enumerate(codes)
    ]
    store = _corpus.write_store(path, rows, path)
    for modality in ("text", "audio"):
        means = STRENGTH * random.standard_normal((len(CLASSES), width))
        logits = np.eye(len(CLASSES))[codes] + random.standard_normal((count, len(CLASSES)))
        columns = {"mean": means[codes] + random.standard_normal((count, width)), "logits": logits}
        _corpus.write_features(store, modality, {name: values.astype(np.float32) for name, values in columns.items()})
    return store

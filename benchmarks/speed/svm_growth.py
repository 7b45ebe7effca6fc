"""The svm head from 10,000 to 1,000,000 rows, at MSP-Podcast's size, against its exact machine, and in a search.

Up to 15,000 rows the machine is exact; above that its kernel is approximated, and time and memory should grow with the
rows. Bars: 160,000 x 1,548 in 10 minutes of one core; a row of 1,000,000 at most 1.3 x as long as one of 300,000; the
approximation at most 2 points of recall below the exact machine on 15,000 rows; a search of 24 settings that shares its
distances at least 2 x as fast as fits from scratch. Seconds are those of the processor, of one thread.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import ParameterSampler

from benchmarks.evaluation.hyperparameter_search import search
from benchmarks.speed._growth import SIZES, SMALL, compare_sizes, measure_growth
from benchmarks.speed._row import Measurement, compare_repeats, summarize
from benchmarks.speed._time import time_processor
from heads import Block, Inputs
from heads.svm import SVMHead

CLASSES = 6
COLUMNS, WIDE = 128, 1548
PODCAST = 160_000
EXACT = 15_000
SETTINGS = 24
PARTS = 3


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure growth, one wide size, the price of the approximation, and a search."""
    sizes = SMALL if small else SIZES
    narrow = measure_growth(fit, sizes, COLUMNS, 50 if small else 2000)
    wide = [] if small else measure_growth(fit, [PODCAST], WIDE, 2000)
    return [
        *compare_sizes("svm", narrow, f"{COLUMNS} columns, 1 thread", memory=5000),
        *(summarize(f"svm, {one.rows:,} x {WIDE:,}", [one.seconds], "s", "1 thread", bar=600) for one in wide),
        *(summarize(f"svm, {one.rows:,} x {WIDE:,}", [one.memory], "MB", "1 thread", bar=5000) for one in wide),
        *compare_with_exact(200 if small else EXACT, 50 if small else 2000),
        compare_searches(120 if small else 5000, 16 if small else WIDE, 3 if small else SETTINGS),
    ]


def draw(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of classes that overlap, each of some clusters whose centres differ in all columns, as float32."""
    random = np.random.default_rng(0)
    clusters = random.standard_normal((CLASSES * 3, columns), np.float32) * np.float32(3 / columns**0.5)
    codes = random.integers(0, len(clusters), rows)
    X = random.standard_normal((rows, columns), np.float32)
    X += clusters[codes]
    return X, codes % CLASSES


def fit(rows: int, columns: int, components: int) -> float:
    """Fit the head, and return the seconds of the processor."""
    X, y = draw(rows, columns)
    exact = rows <= EXACT
    head = SVMHead(approximate="auto" if exact else components, random_state=0)
    return time_processor(lambda: head.fit(X, y))


def compare_with_exact(rows: int, components: int) -> list[Measurement]:
    """Compare the recall and the time of an approximation with those of the exact machine."""
    X, y = make_classification(
        rows * 4 // 3,
        256,
        n_informative=40,
        n_redundant=128,
        n_classes=CLASSES,
        n_clusters_per_class=3,
        class_sep=1.5,
        flip_y=0.2,
        random_state=0,
    )
    found = []
    for approximate in (components, False):
        head = SVMHead(approximate=approximate, random_state=0)
        seconds = time_processor(functools.partial(head.fit, X[:rows], y[:rows]))
        found.append((100 * balanced_accuracy_score(y[rows:], head.predict(X[rows:])), seconds))
    (recall, seconds), (reference, exact_seconds) = found
    settings = f"{rows:,} x 256, {components:,} components"
    return [
        summarize("svm, recall of the exact machine", [reference], "%", settings),
        summarize("svm, recall of the approximation", [recall], "%", settings),
        compare_repeats("svm, approximate", "exact", [seconds], [exact_seconds], "s", settings, at_most=True),
    ]


def compare_searches(rows: int, columns: int, settings: int) -> Measurement:
    """Compare a search that shares distances with fits from scratch, over the same settings."""
    X, y = draw(rows, columns)
    names = y.astype(str)
    parts = np.arange(rows) % PARTS
    given: dict[str, Any] = {"random_state": 0}
    inputs = Inputs(X, (Block("X", "", (columns,)),))

    def fit_from_scratch() -> None:
        for params in [{}, *ParameterSampler(SVMHead.SPACE, settings - 1, random_state=0)]:
            for part in range(PARTS):
                dev = parts == part
                SVMHead(**given, **params).fit(X[~dev], names[~dev]).predict(X[dev])

    shared = time_processor(
        lambda: search(SVMHead, given, inputs, names.tolist(), parts.tolist(), settings - 1, seed=0)
    )
    scratch = time_processor(fit_from_scratch)
    text = f"{settings} settings x {PARTS} parts of {rows:,} x {columns:,}"
    return compare_repeats("svm search", "fits from scratch", [shared], [scratch], "s", text, bar=2, faster=True)

"""CPU time and memory of logistic, mlp and xgb at 10,000 to 1,000,000 rows of 128 columns, in memory and streamed.

Bars: streamed, at most 1 GB of anonymous memory at 1,000,000 rows, and a row at most 1.3 x as slow as at 300,000. Few
steps are taken: 10 iterations, one epoch, 5 rounds. The matrix is a file that is mapped; streamed, its rows are read in
batches, and in memory it is read at once.
"""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed._growth import SIZES, SMALL, compare_sizes, measure_growth
from benchmarks.speed._row import Measurement
from benchmarks.speed._time import time_processor
from heads import StreamedMatrix, load_head

COLUMNS = 128
CLASSES = np.array(["angry", "happy", "neutral", "sad"])
STEPS: dict[str, dict[str, Any]] = {
    "logistic": {"max_iter": 10},
    "mlp": {"epochs": 1, "batch_size": 256, "device": "cpu", "random_state": 0},
    "xgb": {"n_estimators": 5, "n_jobs": 1, "device": "cpu", "random_state": 0},
}
MEMORY = 1000  # MB
_BATCH = 10_000  # rows that are written at once


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Fit each head at each size, streamed and in memory."""
    return [row for head in STEPS for streamed in (True, False) for row in _measure(folder, head, streamed, small)]


def fit(rows: int, folder: Path, head: str, streamed: bool, columns: int = COLUMNS) -> float:
    """Fit a head to drawn rows and predict a tenth of them, and return the seconds of CPU that it takes."""
    path = folder / f"{rows}x{columns}.f32"
    y = write_rows(path, rows, columns)
    values = np.memmap(path, np.float32, "r", shape=(rows, columns))
    return time_processor(lambda: _fit_and_predict(head, values, y, streamed))


def _fit_and_predict(head: str, values: np.ndarray, y: np.ndarray, streamed: bool) -> None:
    X: Any = StreamedMatrix(lambda rows: values[rows], values.shape) if streamed else np.array(values)
    fitted = load_head(head)(**STEPS[head]).fit(X, y)
    fitted.predict_proba(X.select(np.arange(len(y) // 10)) if streamed else X[: len(y) // 10])


def write_rows(path: Path, rows: int, columns: int) -> np.ndarray:
    """Write drawn rows to a file unless it is there, and return the class of each row."""
    random = np.random.default_rng(0)
    codes = random.integers(len(CLASSES), size=rows)
    if not path.is_file():
        means = 0.2 * random.standard_normal((len(CLASSES), columns), np.float32)
        with path.open("wb") as file:
            for start in range(0, rows, _BATCH):
                part = codes[start : start + _BATCH]
                (means[part] + random.standard_normal((len(part), columns), np.float32)).tofile(file)
    return CLASSES[codes]


def _measure(folder: Path, head: str, streamed: bool, small: bool) -> list[Measurement]:
    costs = measure_growth(fit, SMALL if small else SIZES, folder, head, streamed)
    how = "streamed" if streamed else "in memory"
    settings = f"{COLUMNS} columns, 1 process, {', '.join(f'{name}={value}' for name, value in STEPS[head].items())}"
    return compare_sizes(f"{head} {how}", costs, settings, memory=MEMORY if streamed else None)

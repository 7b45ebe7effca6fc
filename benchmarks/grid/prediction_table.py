"""Write and read the table of a run's predictions: a CSV with a row for each utterance.

A row holds the utterance id, the true and the predicted class, and the probability of each class.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.answers import Answers
from benchmarks.statistics.coded_labels import CodedLabels
from featurestore.storage.atomic import replace_atomically

_COLUMNS = ("id", "truth", "prediction")
_ROWS = 10_000  # that are formatted at once


def write_table(path: Path, classes: Sequence[str], ids: Sequence[str], answers: Answers) -> str:
    """Write a table atomically and return its sha256.

    Args:
        path: of the CSV.
        classes: of the probabilities, in order.
        ids: of the test part (N,).
        answers: with probabilities.
    """
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_atomically(path) as temporary, temporary.open("wb") as file:
        for text in _format_blocks(classes, ids, answers):
            raw = text.encode("utf-8")
            digest.update(raw)
            file.write(raw)
    return digest.hexdigest()


def read_table(path: Path, classes: int) -> tuple[tuple[str, ...], CodedLabels, CodedLabels, NDArray[np.float64]]:
    """Read a table: ids (N,), true and predicted classes (N,) and probabilities (N, C).

    Args:
        path: of the CSV.
        classes: C, the number of classes.
    """
    import pandas as pd

    width = len(_COLUMNS) + classes
    kinds = {0: "object", 1: "category", 2: "category"} | dict.fromkeys(range(3, width), "float64")
    frame = pd.read_csv(
        path,
        header=None,
        skiprows=1,
        names=range(width),
        dtype=kinds,
        na_filter=False,
        encoding="utf-8",
    )
    truth, prediction = (_read_labels(frame[column].array) for column in (1, 2))
    return tuple(frame[0]), truth, prediction, frame.iloc[:, 3:].to_numpy(np.float64, copy=True)


def _read_labels(column: Any) -> CodedLabels:
    """Return a column of categories, which pandas holds as codes."""
    return CodedLabels(column.codes, tuple(map(str, column.categories)))


def _format_blocks(classes: Sequence[str], ids: Sequence[str], answers: Answers) -> Iterator[str]:
    """Yield the lines of the table, many at once."""
    rows = zip(ids, answers.truth, answers.prediction, _list_rows(np.asarray(answers.probabilities)), strict=True)
    yield _format_lines([[*_COLUMNS, *classes]])
    while block := list(islice(rows, _ROWS)):
        yield _format_lines([*row[:3], *(f"{value:.9g}" for value in row[3])] for row in block)


def _list_rows(probabilities: NDArray[np.float64]) -> Iterator[list[float]]:
    for start in range(0, len(probabilities), _ROWS):
        yield from probabilities[start : start + _ROWS].tolist()


def _format_lines(rows: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()

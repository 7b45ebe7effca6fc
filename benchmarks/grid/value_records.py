"""Write and read a run that predicts values: a CSV with a row for each utterance, and a JSON record of the run.

A row holds the utterance id, and of each target the true and the predicted value.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.grid import run_records
from benchmarks.grid.run_records import RunRecord
from benchmarks.statistics.value_answers import ValueAnswers
from featurestore.storage.atomic import write_text
from featurestore.storage.checksum import hash_file


@dataclass(frozen=True)
class RecordedValueRun:
    """A run of a regressor that was read from disk.

    Args:
        record: of the run.
        ids: of its test part (N,).
        answers: true and predicted values, in the order of `ids`.
    """

    record: RunRecord
    ids: tuple[str, ...]
    answers: ValueAnswers


def write_value_run(folder: Path, record: RunRecord, ids: Sequence[str], answers: ValueAnswers) -> None:
    """Write a run, each file atomically, the JSON last.

    Args:
        folder: of the runs.
        record: of the run; `csv_sha256` is filled in.
        ids: of the test part (N,).
        answers: in the order of `ids`.
    """
    table = run_records.locate_table(folder, record.digest)
    table.parent.mkdir(parents=True, exist_ok=True)
    write_text(table, _format_table(ids, answers))
    run_records.write_record(folder, record, hash_file(table))


def read_value_run(folder: Path, digest: str) -> RecordedValueRun:
    """Read a run.

    Raises:
        NotFound: there is no such run.
        Mismatch: its predictions changed after they were written, or it is of another version.
    """
    import pandas as pd

    record = run_records.read_record(folder, digest)
    # as texts first: pandas' own numbers may differ from Python's in the last digit
    frame = pd.read_csv(run_records.locate_table(folder, digest), dtype="object", na_filter=False, encoding="utf-8")
    columns = {name: frame[name].to_numpy().astype(np.float64) for name in frame.columns if name != "id"}
    truth = np.stack([columns[target] for target in record.targets], axis=1)
    prediction = np.stack([columns[f"{target}_predicted"] for target in record.targets], axis=1)
    return RecordedValueRun(record, tuple(frame["id"]), ValueAnswers(truth, prediction, record.targets))


def _format_table(ids: Sequence[str], answers: ValueAnswers) -> str:
    """Write the header and a row for each utterance. Values read back equal."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["id", *(f"{target}{end}" for target in answers.targets for end in ("", "_predicted"))])
    values = np.stack([answers.truth, answers.prediction], axis=2).reshape(len(ids), -1).tolist()
    writer.writerows([one, *map(repr, row)] for one, row in zip(ids, values, strict=True))
    return file.getvalue()

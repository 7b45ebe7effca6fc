"""The JSON of a run on disk keeps its keys, whatever its fields are called."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.evaluation.run import execute
from benchmarks.evaluation.surroundings import Surroundings
from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from benchmarks.grid.prediction_table import read_table, write_table
from benchmarks.grid.run_records import RunRecord
from benchmarks.statistics.answers import Answers
from tests.support import fake_results
from tests.support.fake_store import FakeStore

KEYS = [
    *(
        "digest",
        "system",
        "head",
        "feature_set",
        "features",
        "files",
        "logits",
        "normalize",
        "protocol",
        "fold",
        "seed",
    ),
    *("drawn", "tune", "share", "shuffled", "params", "train", "dev", "test", "leak", "seconds", "peak_mb"),
    *("bundle_bytes", "history", "classes", "csv_sha256"),
]


def test_the_keys_on_disk_are_those_of_the_first_version(tmp_path):
    for path in (fake_results.written(tmp_path) / results.RUNS).glob("*.json"):
        assert list(json.loads(path.read_text("utf-8"))) == ["format", *KEYS]


def test_a_record_is_read_as_it_was_written(tmp_path):
    controls = results.read(fake_results.written(tmp_path)).controls
    assert {(one.record.permuted, one.record.train_size) for one in controls} == {("text", 1.0), ("", 0.25), ("", 0.5)}
    for one in controls:
        assert RunRecord.from_json(json.loads(json.dumps(one.record.to_json()))) == one.record


def test_the_context_of_a_head_is_written_only_where_it_has_one(tmp_path):
    record = results.read(fake_results.written(tmp_path)).systems[0].record
    assert record.context == ""  # its file has no such key
    for context in ("whole dialogue", "past turns"):
        content = replace(record, context=context).to_json()
        assert content == {**record.to_json(), "context": context}
        assert RunRecord.from_json(json.loads(json.dumps(content))).context == context


def test_a_run_records_the_context_of_its_head():
    planned = plan(FakeStore(), BenchmarkConfig.parse(("prior",), protocol="leave-one-session-out"), say=str)
    spec = planned.specs[0]
    result = execute(FakeStore(), spec)
    assert RunRecord.from_run(spec, result, "digest", 0).context == spec.context == ""
    assert (
        RunRecord.from_run(replace(spec, surroundings=Surroundings(context="past turns")), result, "digest", 0).context
        == "past turns"
    )


def test_a_table_reads_back_as_it_was_written(tmp_path):
    ids = ['a,"b"', "NA", "1", " é "]
    probabilities = np.array([[1 / 3, 2 / 3], [1e-30, 1], [0.1, 0.9], [0.123456789012, 0.876543210988]])
    answers = Answers(["NA", "1", "NA", "1"], ["1", "1", "NA", "NA"], ["1", "NA"], probabilities)
    digest = write_table(tmp_path / "run.csv", ["1", "NA"], ids, answers)
    assert digest == hashlib.sha256((tmp_path / "run.csv").read_bytes()).hexdigest()
    found, truth, prediction, read = read_table(tmp_path / "run.csv", 2)
    assert (list(found), list(truth), list(prediction)) == (ids, list(answers.truth), list(answers.prediction))
    assert read.tolist() == [[float(f"{value:.9g}") for value in row] for row in probabilities]


def test_a_table_of_other_lengths_is_not_written(tmp_path):
    answers = Answers(["x", "y"], ["x", "y"], ["x", "y"], np.eye(2))
    with pytest.raises(ValueError, match="zip"):
        write_table(tmp_path / "run.csv", ["x", "y"], ["a"], answers)
    assert list(tmp_path.iterdir()) == []

"""The JSON of a run on disk keeps its keys, whatever its fields are called."""

import json
from dataclasses import fields

from benchmarks.grid import results, run_records
from benchmarks.grid.run_records import RunRecord
from tests.support import fake_results

KEYS = [
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
    "drawn",
    "tune",
    "share",
    "shuffled",
    "params",
    "train",
    "dev",
    "test",
    "leak",
    "seconds",
    "peak_mb",
    "bundle_bytes",
    "history",
    "classes",
    "csv_sha256",
]


def test_the_keys_on_disk_are_those_of_the_first_version(tmp_path):
    folder = fake_results.written(tmp_path) / results.RUNS
    for path in folder.glob("*.json"):
        assert list(json.loads(path.read_text("utf-8"))) == ["format", *KEYS]


def test_a_record_is_read_as_it_was_written(tmp_path):
    read = results.read(fake_results.written(tmp_path))
    permuted = [system.record for system in read.controls if system.record.permuted]
    reduced = [system.record for system in read.controls if system.record.train_size < 1]
    assert {record.permuted for record in permuted} == {"text"}
    assert {record.train_size for record in reduced} == {0.25, 0.5}
    for record in (*permuted, *reduced):
        again = RunRecord.from_json(json.loads(json.dumps(record.to_json())))
        assert [getattr(again, one.name) for one in fields(again)] == [
            getattr(record, one.name) for one in fields(record)
        ]
        assert run_records.is_done(tmp_path / results.RUNS, record.digest)

"""The JSON of a run on disk keeps its keys, whatever its fields are called."""

import json

from benchmarks.grid import results
from benchmarks.grid.run_records import RunRecord
from tests.support import fake_results

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

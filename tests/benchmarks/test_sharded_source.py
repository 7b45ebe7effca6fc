"""A benchmark on a store that is cut into shards gives the predictions of the single store."""

from dataclasses import replace

from benchmarks.grid import results, runner
from benchmarks.grid.config import BenchmarkConfig
from tests.featurestore.shards import stores


def read_predictions(store, out):
    config = BenchmarkConfig.parse(("prior", "logistic"), "audio", protocol="leave-one-session-out")
    runner.benchmark(store, config, out)
    return sorted(path.read_text() for path in (out / results.RUNS).glob("*.csv"))


def test_predictions_do_not_depend_on_shards(tmp_path):
    rows = [
        replace(row, session=str(number % 3), speaker=f"s{number % 6}", label=("ang", "sad")[number // 3 % 2])
        for number, row in enumerate(stores.list_rows(30))
    ]
    single, sharded = stores.cut(tmp_path, 7, rows)
    expected = read_predictions(single, tmp_path / "a")
    assert len(expected) == 6
    assert read_predictions(sharded, tmp_path / "b") == expected

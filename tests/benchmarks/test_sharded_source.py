"""A benchmark on a store that is cut into shards gives the predictions of the single store."""

from dataclasses import replace

import pytest

from benchmarks.grid import results, runner
from benchmarks.grid.config import BenchmarkConfig
from tests.featurestore.shards import stores


def read_predictions(store, out, features, **options):
    config = BenchmarkConfig.parse(("prior", "logistic"), features, protocol="leave-one-session-out", **options)
    runner.benchmark(store, config, out)
    return sorted(path.read_text() for path in (out / results.RUNS).glob("*.csv"))


@pytest.mark.parametrize(
    ("count", "options"),
    [(6, {"features": "audio"}), (54, {"features": "both", "missing": ("mask",)})],
    ids=["complete", "masked"],
)
def test_predictions_do_not_depend_on_shards(tmp_path, count, options):
    rows = [
        replace(row, session=str(number % 3), speaker=f"s{number % 6}", label=("ang", "sad")[number // 3 % 2])
        for number, row in enumerate(stores.list_rows(30))
    ]
    single, sharded = stores.cut(tmp_path, 7, rows)
    expected = read_predictions(single, tmp_path / "a", **options)
    assert len(expected) == count
    assert read_predictions(sharded, tmp_path / "b", **options) == expected

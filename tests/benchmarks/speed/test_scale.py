"""The measurements of clusters and shards run; their figures at this size mean nothing."""

from contextlib import contextmanager

from benchmarks.speed import _cluster, distributed, shards
from featurestore.engines import Engine
from tests.support.cluster import needs_dask


def test_shards_are_written_opened_and_read(tmp_path):
    rows = shards.measure(tmp_path, small=True)
    names = {row.name.partition(",")[0] for row in rows}
    assert {"writing manifests and features", "opening", "iterating over all rows"} <= names
    assert all(row.value >= 0 for row in rows)


def test_each_piece_of_work_is_compared(tmp_path, monkeypatch):
    @contextmanager
    def open_here(folder, workers):
        yield Engine(jobs=workers, device="cpu")

    monkeypatch.setattr(distributed, "open_cluster", open_here)
    rows = distributed.measure(tmp_path, small=True)
    assert [row.name for row in rows] == [
        "extraction, dask with 1",
        "benchmark, dask with 1",
        "fine-tuning, dask with 1",
    ]
    assert all(row.ratio > 0 for row in rows)


@needs_dask
def test_a_cluster_runs_calls_and_ends(tmp_path):
    with _cluster.open_cluster(tmp_path / "cluster", 1) as engine, engine.open_pool() as pool:
        assert pool.executor.submit(sum, (1, 2)).result(timeout=60) == 3
        assert pool.count() == 1

"""Test benchmarks on real engines: worker processes here, and dask clusters that are reached over TCP."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from benchmarks.grid import results, runner
from benchmarks.grid.config import BenchmarkConfig
from featurestore.engines import loky, parallel
from featurestore.errors import Unavailable
from featurestore.extraction import worker
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec
from tests.faults import calls, letters
from tests.support import inline
from tests.support.cluster import needs_dask
from tests.support.fake_store import FakeStore

SESSIONS = BenchmarkConfig.parse(("prior", "logistic"), protocol="leave-one-session-out")


@needs_dask
def test_a_run_written_to_unshared_storage_ends_in_a_message(tmp_path, steady, monkeypatch):
    monkeypatch.setattr(runner, "_run_together", _write_no_run)
    with pytest.raises(
        Unavailable, match=r"a dask worker wrote a run to .*runs, and it is not here\n  expected: a folder of results"
    ):
        runner.benchmark(FakeStore(), SESSIONS, tmp_path / "out", engine=steady.engine())


def _write_no_run(store, group, folder):
    return "written elsewhere"


def read_answers(out):
    """Return the bytes of every run's predictions, by file name."""
    return {path.name: path.read_bytes() for path in (out / results.RUNS).glob("*.csv")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    runner.benchmark(FakeStore(), SESSIONS, out)
    return read_answers(out)


@needs_dask
def test_a_benchmark_survives_a_killed_dask_worker(tmp_path, clusters, monkeypatch, whole):
    cluster, lines = clusters(2), []
    monkeypatch.setattr(runner, "_run_together", _die_in_a_run)
    runner.benchmark(FakeStore(), SESSIONS, tmp_path / "out", engine=cluster.engine(), say=lines.append)
    assert int((tmp_path / "out" / "killed").read_text()) in cluster.pids
    assert len(whole) == 6
    assert read_answers(tmp_path / "out") == whole
    assert [line.partition(" ")[0] for line in lines[-6:]] == [f"{number}/6" for number in range(1, 7)]
    assert results.read(tmp_path / "out").about["machine"]["engine"] == f"dask {cluster.address}"


_run_together = runner._run_together


def _die_in_a_run(store, group, folder):
    calls.die_once(0, folder.parent)
    return _run_together(store, group, folder)


def test_a_benchmark_resumes_after_a_local_worker_died(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(parallel, "count_cores", lambda: 2)
    monkeypatch.setattr(runner, "_run_together", _die_in_a_run)
    with pytest.raises(Unavailable, match=r"a worker process died, (.|\n)*it continues; use --jobs 1, which needs"):
        runner.benchmark(FakeStore(), SESSIONS, tmp_path)
    monkeypatch.setattr(loky, "open_pool", inline.open_pool_here)
    runner.benchmark(FakeStore(), SESSIONS, tmp_path)  # the call kills only one worker
    assert read_answers(tmp_path) == whole


@needs_dask
def test_a_single_run_goes_to_the_cluster(tmp_path, steady, monkeypatch):
    monkeypatch.setattr(runner, "_run_together", _sign_a_run)
    runner.benchmark(FakeStore(), BenchmarkConfig.parse(("prior",)), tmp_path, engine=steady.engine())
    assert {int(path.stem) for path in tmp_path.glob("*.worker")} == set(steady.pids)


def _sign_a_run(store, group, folder):
    (folder.parent / f"{os.getpid()}.worker").touch()
    return _run_together(store, group, folder)


@needs_dask
def test_the_benchmark_command_works_on_a_cluster_with_relative_paths(store, checkpoint, steady, monkeypatch):
    """Run the command in another folder than the workers, where a relative path means another file."""
    monkeypatch.setattr(worker, "encode_part", letters.encode_part)
    extract_encoder(store, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    monkeypatch.chdir(store.path.parent)
    options = ["--engine", "dask", "--scheduler", steady.address, "--heads", "prior,logistic", "--out", "results"]
    result = CliRunner().invoke(cli.main, ["benchmark", "--store", "store", *options])
    assert result.exit_code == 0, result.output
    assert len(read_answers(Path("results"))) == 2


def test_the_benchmark_command_rejects_a_scheduler_for_another_engine(tmp_path):
    options = ["--heads", "prior", "--out", str(tmp_path), "--scheduler", "tcp://a:1"]
    result = CliRunner().invoke(cli.main, ["benchmark", "--store", str(tmp_path), *options])
    assert result.exit_code == 1
    assert "engine loky takes no --scheduler\n  do: --engine dask --scheduler tcp://" in result.output

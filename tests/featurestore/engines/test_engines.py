"""Test extraction and benchmarks on real engines: separate processes that are reached over TCP.

A test that kills a cluster's processes starts a cluster for itself.
"""

import os
import signal

import numpy as np
import psutil
import pytest

from featurestore.engines import Engine, worker_pool
from featurestore.engines import dispatch as loop
from featurestore.engines.dispatch import dispatch
from featurestore.engines.parallel import run_each
from featurestore.errors import BadValue, Unavailable, UnknownName
from featurestore.extraction import worker
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from tests.faults import calls, letters
from tests.support import fork_server, tiny
from tests.support.cluster import needs_dask
from tests.support.processes import find_session, wait_until

LOCAL = [pytest.param("loky"), pytest.param("dask", marks=needs_dask)]


def extract_on_dask(store, checkpoint, cluster, **options):
    return extract_encoder(
        store, EncoderSpec("", checkpoint), engine="dask", scheduler=cluster.address, device="cpu", **options
    )


def run_calls(engine, function, tasks, say=print):
    with engine.open_pool() as pool:
        return sorted(dispatch(pool, function, tasks, say=say))


# Workers that die


@needs_dask
def test_extraction_survives_a_killed_dask_worker(store, checkpoint, clusters, monkeypatch):
    cluster = clusters(2)
    monkeypatch.setattr(worker, "encode_part", letters.die_once)
    result = extract_on_dask(store, checkpoint, cluster)
    monkeypatch.setattr(worker, "encode_part", letters.encode_part)
    assert int((store.path / "killed").read_text()) in cluster.pids
    assert os.getpid() not in cluster.pids
    assert (result.encoded, result.failed) == (len(store.utterances), {})
    here = tiny.store(store.path.with_name("here"), list(store.utterances), store.root)
    extract_encoder(here, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    file, expected = FeatureFile(store.path / "text.h5"), FeatureFile(here.path / "text.h5")
    assert file.ids == expected.ids
    assert file.find_damaged() == []
    np.testing.assert_array_equal(file["mean"], expected["mean"])
    assert not (store.path / "text.parts").exists()


@needs_dask
@pytest.mark.parametrize("nanny", [False, True], ids=["killed for good", "started again"])
def test_a_part_that_kills_every_dask_worker_ends_in_a_message(store, checkpoint, clusters, monkeypatch, nanny):
    cluster = clusters(1, failures=1 if nanny else 0, nanny=nanny)
    monkeypatch.setattr(worker, "encode_part", calls.die)
    monkeypatch.setattr(loop, "PATIENCE", 250)
    with pytest.raises(Unavailable, match=r"a worker process died(.|\n)*it continues; dask gave up"):
        extract_on_dask(store, checkpoint, cluster)


@needs_dask
def test_a_part_that_kills_the_last_dask_worker_ends_in_a_message(store, checkpoint, clusters, monkeypatch):
    """Without a nanny that restarts the worker, dask alone would wait forever."""
    cluster, lines = clusters(1), []
    monkeypatch.setattr(worker, "encode_part", calls.die)
    monkeypatch.setattr(loop, "PATIENCE", 1)
    with pytest.raises(
        Unavailable, match=rf"the dask scheduler at {cluster.address} has no worker \(waited 1 s\); finished work"
    ):
        extract_on_dask(store, checkpoint, cluster, say=lines.append)
    assert lines == [
        f"the dask scheduler at {cluster.address} has no worker; waiting up to 1 s for one …\n"
        f"  do: start some: `dask worker {cluster.address} --nthreads 1`"
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_part_that_kills_its_local_worker_ends_in_a_message(store, checkpoint, monkeypatch, worker_processes, jobs):
    monkeypatch.setattr(worker, "encode_part", calls.die)
    with pytest.raises(Unavailable, match="a worker process died, likely out of memory; finished work is kept"):
        extract_encoder(store, EncoderSpec("", checkpoint), jobs=jobs, device="cpu")
    assert _worker_processes() == []


@needs_dask
def test_a_killed_dask_scheduler_ends_in_a_message(clusters):
    cluster = clusters(1)
    with pytest.raises(
        Unavailable, match=f"the dask scheduler at {cluster.address} stopped or restarted during the work"
    ):
        run_calls(cluster.engine(), calls.kill_other, [(0, cluster.scheduler)])


# Missing workers


@needs_dask
def test_a_cluster_without_workers_ends_in_a_message(store, checkpoint, clusters, monkeypatch):
    cluster = clusters()
    monkeypatch.setattr(loop, "PATIENCE", 1)
    with pytest.raises(Unavailable, match=rf"the dask scheduler at {cluster.address} has no worker \(waited 1 s\)"):
        extract_on_dask(store, checkpoint, cluster, say=lambda line: None)


@needs_dask
def test_a_worker_that_joins_late_does_the_work(clusters, monkeypatch):
    cluster, lines = clusters(), []
    monkeypatch.setattr(loop, "PATIENCE", 250)

    def say(line):
        lines.append(line)
        if len(lines) == 1:
            cluster.pids = cluster.add()

    assert run_calls(cluster.engine(), calls.get_process, [(0,), (1,)], say) == [
        (0, cluster.pids[0]),
        (1, cluster.pids[0]),
    ]
    assert "has no worker; waiting up to 250 s for one" in lines[0]


@needs_dask
def test_a_cluster_of_one_worker_encodes_instead_of_this_process(store, checkpoint, steady, monkeypatch):
    monkeypatch.setattr(worker, "encode_part", letters.sign)
    assert extract_on_dask(store, checkpoint, steady).encoded == len(store.utterances)
    assert _read_signatures(store) == set(steady.pids)
    assert os.getpid() not in steady.pids


def test_one_job_runs_in_a_worker_process(store, checkpoint, monkeypatch, worker_processes):
    monkeypatch.setattr(worker, "encode_part", letters.sign)
    assert extract_encoder(store, EncoderSpec("", checkpoint), jobs=1, device="cpu").encoded == len(store.utterances)
    assert len(_read_signatures(store)) == 1
    assert os.getpid() not in _read_signatures(store)


@needs_dask
def test_a_cluster_gives_the_same_vectors_as_this_machine(store, checkpoint, steady):
    assert extract_on_dask(store, checkpoint, steady).encoded == len(store.utterances)
    here = tiny.store(store.path.with_name("here"), list(store.utterances), store.root)
    extract_encoder(here, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    found, expected = FeatureFile(store.path / "text.h5"), FeatureFile(here.path / "text.h5")
    np.testing.assert_allclose(found["mean"], expected["mean"], rtol=1e-4, atol=1e-5)


def _read_signatures(store):
    return {int(path.stem) for path in store.path.glob("*.worker")}


@needs_dask
def test_dask_without_a_scheduler_starts_and_ends_a_cluster():
    pids = {pid for _, pid in run_calls(Engine("dask", 2), calls.get_process, [(number,) for number in range(20)])}
    assert os.getpid() not in pids
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), 120)


def test_workers_start_again_in_another_folder(tmp_path, monkeypatch, worker_processes):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        monkeypatch.chdir(folder)
        assert run_calls(Engine("loky", 2), calls.get_folder, [(0,)]) == [(0, folder)]


def test_a_removed_folder_ends_in_a_message(tmp_path, monkeypatch, worker_processes):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(Unavailable, match="the current folder has been removed"):
        run_calls(Engine("loky", 2), calls.get_folder, [(0,)])


@pytest.mark.parametrize("name", LOCAL)
def test_workers_have_one_thread(name, worker_processes):
    assert run_calls(Engine(name, 2), calls.count_threads, [(0,), (1,)]) == [(0, [1]), (1, [1])]


@needs_dask
def test_calls_on_a_cluster_use_one_thread(steady, monkeypatch):
    assert list(run_each(calls.count_threads, [(0,), (1,)], steady.engine())) == [[1], [1]]


@pytest.mark.parametrize("name", LOCAL)
def test_an_error_for_users_arrives_unchanged_from_a_worker(name, worker_processes):
    with pytest.raises(UnknownName, match=r"^unknown thing 'x'\n  expected: one of y, z\n  do: did you mean y\?$"):
        run_calls(Engine(name, 2), calls.reject, [(0,), (1,), (2,)])
    assert _worker_processes() == []


# Storage that is not shared


@needs_dask
def test_a_part_written_to_unshared_storage_ends_in_a_message(store, checkpoint, steady, monkeypatch):
    monkeypatch.setattr(worker, "encode_part", _write_elsewhere)
    with pytest.raises(Unavailable, match=r"a dask worker wrote .*h5, and it is not here\n  expected: a store on stor"):
        extract_on_dask(store, checkpoint, steady)


def _write_elsewhere(task):
    return worker.PartResult(task.path, [])


# No process is left running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("name", LOCAL)
def test_ending_a_command_ends_its_workers(tmp_path, name, number):
    workers = tmp_path / "workers"
    workers.mkdir()
    process = fork_server.start_program(calls.main, name, int(number), workers, output=tmp_path)
    try:
        process.join(250)
        assert process.exitcode not in (0, None)
        assert len(list(workers.iterdir())) == 2  # both workers were at work
        wait_until(lambda: not find_session(process.pid), 120)
    finally:
        for process_left in find_session(process.pid):
            process_left.kill()


def _worker_processes():
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "Loky" in " ".join(child.cmdline()) or "spawn_main" in " ".join(child.cmdline())
    ]


# Engines that are not available


@needs_dask
def test_a_scheduler_that_does_not_answer_ends_in_a_message(monkeypatch):
    import distributed

    def refuse(*args, **options):
        raise OSError("Timed out trying to connect to tcp://127.0.0.1:9")

    monkeypatch.setattr(distributed, "Client", refuse)
    with (
        pytest.raises(Unavailable, match=r"no dask scheduler answers at tcp://127\.0\.0\.1:9\n  got: Timed out"),
        Engine("dask", scheduler="tcp://127.0.0.1:9").open_pool(),
    ):
        pass


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_missing_package_names_the_extra_to_install(monkeypatch, name):
    monkeypatch.setattr(worker_pool, "find_spec", lambda package: None)
    with (
        pytest.raises(Unavailable, match=rf"engine {name} needs .*\n  do: pip install 'emofuse\[{name}\]'"),
        Engine(name).open_pool(),
    ):
        pass


def test_unknown_engines_and_misplaced_schedulers_are_rejected():
    with pytest.raises(UnknownName, match="unknown engine 'dusk'\n  expected: one of loky, dask, ray\n  do: did you"):
        Engine("dusk")
    with pytest.raises(BadValue, match="engine loky takes no --scheduler\n  do: --engine dask --scheduler tcp://"):
        Engine("loky", scheduler="tcp://a:1")

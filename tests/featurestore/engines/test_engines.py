"""Test extraction and benchmarks on real engines: separate processes that are reached over TCP.

A test that kills a cluster's processes starts a cluster for itself.
"""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

import cli
from benchmarks.grid import results, runner
from benchmarks.grid.asked import Asked
from featurestore.engines import Engine, parallel, worker_pool
from featurestore.engines import dispatch as loop
from featurestore.engines.dispatch import dispatch
from featurestore.engines.parallel import run_each
from featurestore.errors import BadValue, Unavailable, UnknownName
from featurestore.extraction import worker
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from tests.faults import calls, letters
from tests.support import tiny
from tests.support.cluster import Cluster
from tests.support.fake_store import FakeStore

ROOT = Path(__file__).parents[3]
COUNT = 60
needs_dask = pytest.mark.skipif(not find_spec("distributed"), reason="needs pip install 'emofuse[dask]'")
needs_ray = pytest.mark.skipif(not find_spec("ray"), reason="needs pip install 'emofuse[ray]'")
LOCAL = [pytest.param("loky"), pytest.param("dask", marks=needs_dask)]
SESSIONS = Asked(("prior", "logistic"), protocol="leave-one-session-out")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny.checkpoint("bert", tmp_path_factory.mktemp("model") / "text"))


@pytest.fixture
def store(tmp_path):
    return tiny.store(tmp_path / "store", tiny.utterances(COUNT, tmp_path / "corpus"), tmp_path / "corpus")


@pytest.fixture
def clusters(tmp_path):
    """Start clusters that end with the test."""
    started = []

    def start(workers=0, failures=3, *, nanny=False):
        folder = tmp_path / f"cluster{len(started)}"
        folder.mkdir()
        started.append(Cluster(folder, failures))
        started[-1].pids = started[-1].add(workers, nanny=nanny) if workers else []
        return started[-1]

    yield start
    for cluster in started:
        cluster.close()


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """Start a cluster of one worker that no test kills."""
    cluster = Cluster(tmp_path_factory.mktemp("steady"))
    cluster.pids = cluster.add()
    yield cluster
    cluster.close()


def extract_on_dask(store, checkpoint, cluster, **options):
    return extract_encoder(
        store, EncoderSpec("", checkpoint), engine="dask", scheduler=cluster.address, device="cpu", **options
    )


def dask_engine(cluster):
    return Engine("dask", scheduler=cluster.address)


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
    assert (result.encoded, result.failed) == (COUNT, {})
    here = tiny.store(store.path.with_name("here"), list(store.utterances), store.root)
    extract_encoder(here, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    file, expected = FeatureFile(store.path / "text.h5"), FeatureFile(here.path / "text.h5")
    assert file.ids == expected.ids
    assert file.damaged() == []
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
        run_calls(dask_engine(cluster), calls.kill_other, [(0, cluster.scheduler)])


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

    assert run_calls(dask_engine(cluster), calls.get_process, [(0,), (1,)], say) == [
        (0, cluster.pids[0]),
        (1, cluster.pids[0]),
    ]
    assert "has no worker; waiting up to 250 s for one" in lines[0]


@needs_dask
def test_a_cluster_of_one_worker_encodes_instead_of_this_process(store, checkpoint, steady, monkeypatch):
    monkeypatch.setattr(worker, "encode_part", letters.sign)
    assert extract_on_dask(store, checkpoint, steady).encoded == COUNT
    assert _read_signatures(store) == set(steady.pids)
    assert os.getpid() not in steady.pids


def test_one_job_runs_in_a_worker_process(store, checkpoint, monkeypatch, worker_processes):
    monkeypatch.setattr(worker, "encode_part", letters.sign)
    assert extract_encoder(store, EncoderSpec("", checkpoint), jobs=1, device="cpu").encoded == COUNT
    assert len(_read_signatures(store)) == 1
    assert os.getpid() not in _read_signatures(store)


@needs_dask
def test_a_cluster_gives_the_same_vectors_as_this_machine(store, checkpoint, steady):
    assert extract_on_dask(store, checkpoint, steady).encoded == COUNT
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
    _wait_until(lambda: not any(map(psutil.pid_exists, pids)))


@pytest.mark.parametrize("name", LOCAL)
def test_workers_have_one_thread(name, worker_processes):
    assert run_calls(Engine(name, 2), calls.count_threads, [(0,), (1,)]) == [(0, [1]), (1, [1])]


@needs_dask
def test_calls_on_a_cluster_use_one_thread(steady, monkeypatch):
    assert list(run_each(calls.count_threads, [(0,), (1,)], dask_engine(steady))) == [[1], [1]]


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


@needs_dask
def test_a_run_written_to_unshared_storage_ends_in_a_message(tmp_path, steady, monkeypatch):
    monkeypatch.setattr(runner, "_run_together", _write_no_run)
    with pytest.raises(
        Unavailable, match=r"a dask worker wrote a run to .*runs, and it is not here\n  expected: a folder of results"
    ):
        runner.benchmark(FakeStore(), SESSIONS, tmp_path / "out", engine=dask_engine(steady))


def _write_no_run(store, group, protocol, folder):
    return "written elsewhere"


# Benchmarks


def answers(out):
    return {path.name: path.read_bytes() for path in (out / results.RUNS).glob("*.csv")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    runner.benchmark(FakeStore(), SESSIONS, out)
    return answers(out)


@needs_dask
def test_a_benchmark_survives_a_killed_dask_worker(tmp_path, clusters, monkeypatch, whole):
    cluster, lines = clusters(2), []
    monkeypatch.setattr(runner, "_run_together", _die_in_a_run)
    runner.benchmark(FakeStore(), SESSIONS, tmp_path / "out", engine=dask_engine(cluster), say=lines.append)
    assert int((tmp_path / "out" / "killed").read_text()) in cluster.pids
    assert len(whole) == 6
    assert answers(tmp_path / "out") == whole
    assert [line.partition(" ")[0] for line in lines[-6:]] == [f"{number}/6" for number in range(1, 7)]
    assert results.read(tmp_path / "out").about["machine"]["engine"] == f"dask {cluster.address}"


_run_together = runner._run_together


def _die_in_a_run(store, group, protocol, folder):
    calls.die_once(0, folder.parent)
    return _run_together(store, group, protocol, folder)


def test_a_benchmark_resumes_after_a_local_worker_died(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    monkeypatch.setattr(runner, "_run_together", _die_in_a_run)
    with pytest.raises(Unavailable, match=r"a worker process died, (.|\n)*it continues; use --jobs 1, which needs"):
        runner.benchmark(FakeStore(), SESSIONS, tmp_path)
    runner.benchmark(FakeStore(), SESSIONS, tmp_path)  # the call kills only one worker
    assert answers(tmp_path) == whole


@needs_dask
def test_a_single_run_goes_to_the_cluster(tmp_path, steady, monkeypatch):
    monkeypatch.setattr(runner, "_run_together", _sign_a_run)
    runner.benchmark(FakeStore(), Asked(("prior",)), tmp_path, engine=dask_engine(steady))
    assert {int(path.stem) for path in tmp_path.glob("*.worker")} == set(steady.pids)


def _sign_a_run(store, group, protocol, folder):
    (folder.parent / f"{os.getpid()}.worker").touch()
    return _run_together(store, group, protocol, folder)


@needs_dask
def test_the_benchmark_command_works_on_a_cluster_with_relative_paths(store, checkpoint, steady, monkeypatch):
    """Run the command in another folder than the workers, where a relative path means another file."""
    monkeypatch.setattr(worker, "encode_part", letters.encode_part)
    extract_encoder(store, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    monkeypatch.chdir(store.path.parent)
    options = ["--engine", "dask", "--scheduler", steady.address, "--heads", "prior,logistic", "--out", "results"]
    result = CliRunner().invoke(cli.main, ["benchmark", "--store", "store", *options])
    assert result.exit_code == 0, result.output
    assert len(answers(Path("results"))) == 2


def test_the_benchmark_command_rejects_a_scheduler_for_another_engine(tmp_path):
    options = ["--heads", "prior", "--out", str(tmp_path), "--scheduler", "tcp://a:1"]
    result = CliRunner().invoke(cli.main, ["benchmark", "--store", str(tmp_path), *options])
    assert result.exit_code == 1
    assert "engine loky takes no --scheduler\n  do: --engine dask --scheduler tcp://" in result.output


# No process is left running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("name", LOCAL)
def test_ending_a_command_ends_its_workers(tmp_path, name, number):
    token = uuid.uuid4().hex
    command = [sys.executable, "-m", "tests.faults.calls", name, str(int(number)), str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TOKEN": token}, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.wait(250) != 0
            assert len(list(tmp_path.iterdir())) == 2  # both workers were at work
            _wait_until(lambda: not _find_processes(token))
        finally:
            for process_left in _find_processes(token):
                process_left.kill()


def _find_processes(token):
    """Find every process that has a test's token in its environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("TOKEN") == token and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _worker_processes():
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "Loky" in " ".join(child.cmdline()) or "spawn_main" in " ".join(child.cmdline())
    ]


def _wait_until(is_so, seconds=120):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


# Ray


@needs_ray
def test_extraction_and_benchmark_on_ray(store, checkpoint, tmp_path, whole):
    """Run in a separate process, because ray leaves threads, sockets and warnings behind."""
    program = (
        "import sys; from pathlib import Path; from featurestore.extraction.extract import extract_encoder;"
        "from featurestore.store import Store; from featurestore.spec import EncoderSpec;"
        "from featurestore.engines import Engine; from benchmarks.grid import runner;"
        "from tests.support.fake_store import FakeStore; from tests.featurestore.engines.test_engines import SESSIONS;"
        "extract_encoder(Store(sys.argv[1]), EncoderSpec('', sys.argv[2]), engine='ray', jobs=2, device='cpu');"
        "runner.benchmark(FakeStore(), SESSIONS, Path(sys.argv[3]), engine=Engine('ray', 2))"
    )
    done = _run_with_ray(program, str(store.path), checkpoint, str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    here = tiny.store(store.path.with_name("here"), list(store.utterances), store.root)
    extract_encoder(here, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    np.testing.assert_allclose(
        FeatureFile(store.path / "text.h5")["mean"], FeatureFile(here.path / "text.h5")["mean"], rtol=1e-4, atol=1e-5
    )
    assert answers(tmp_path / "out") == whole


@needs_ray
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "die",
            r"Unavailable: a worker process died, likely out of memory; finished work is kept\n  do: ",
        ),
        ("reject", r"UnknownName: unknown thing 'x'\n  expected: one of y, z\n  do: did you mean y\?$"),
    ],
)
def test_a_failing_call_on_ray_ends_in_a_message(call, message):
    program = (
        "from featurestore.engines.dispatch import dispatch; from featurestore.engines import Engine;"
        "from featurestore.errors import Problem; from tests.faults import calls\n"
        "try:\n"
        "    with Engine('ray', 2).open_pool() as pool:\n"
        f"        list(dispatch(pool, calls.{call}, [(0,), (1,)], say=print))\n"
        "except Problem as problem:\n"
        "    print(f'{type(problem).__name__}: {problem}')\n"
    )
    done = _run_with_ray(program)
    assert done.returncode == 0, done.stderr
    assert re.search(message, done.stdout.strip())


def _run_with_ray(program, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_memory_monitor_refresh_ms": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=250)


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

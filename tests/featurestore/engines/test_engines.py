"""Extraction and benchmarks on engines that are really there: processes of their own, spoken to over TCP.

A cluster whose processes a test kills is that test's own.
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
from benchmarks.grid.config import BenchmarkConfig
from featurestore.engines import Engine, _workers, parallel
from featurestore.engines import dispatch as loop
from featurestore.engines.dispatch import dispatch
from featurestore.engines.parallel import each
from featurestore.errors import BadValue, Unavailable, UnknownName
from featurestore.extraction import worker
from featurestore.extraction.extract import extract
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
SESSIONS = BenchmarkConfig.parse(("prior", "logistic"), protocol="leave-one-session-out")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny.checkpoint("bert", tmp_path_factory.mktemp("model") / "text"))


@pytest.fixture
def store(tmp_path):
    return tiny.store(tmp_path / "store", tiny.utterances(COUNT, tmp_path / "corpus"), tmp_path / "corpus")


@pytest.fixture
def clusters(tmp_path):
    """Starts clusters that are ended with the test."""
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
    """A cluster of one worker that no test harms."""
    cluster = Cluster(tmp_path_factory.mktemp("steady"))
    cluster.pids = cluster.add()
    yield cluster
    cluster.close()


def extracted(store, checkpoint, cluster, **options):
    return extract(
        store, EncoderSpec("", checkpoint), engine="dask", scheduler=cluster.address, device="cpu", **options
    )


def on(cluster):
    return Engine("dask", scheduler=cluster.address)


def called(engine, function, tasks, say=print):
    with engine.running() as workers:
        return sorted(dispatch(workers, function, tasks, say=say))


# Workers that die


@needs_dask
def test_a_dask_worker_that_is_killed_in_the_middle_loses_nothing(store, checkpoint, clusters, monkeypatch):
    cluster = clusters(2)
    monkeypatch.setattr(worker, "encode_part", letters.die_once)
    result = extracted(store, checkpoint, cluster)
    monkeypatch.setattr(worker, "encode_part", letters.encode_part)
    assert int((store.path / "killed").read_text()) in cluster.pids
    assert os.getpid() not in cluster.pids
    assert (result.encoded, result.failed) == (COUNT, {})
    here = tiny.store(store.path.with_name("here"), list(store.utterances), store.root)
    extract(here, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    file, expected = FeatureFile(store.path / "text.h5"), FeatureFile(here.path / "text.h5")
    assert file.ids == expected.ids
    assert file.damaged() == []
    np.testing.assert_array_equal(file["mean"], expected["mean"])
    assert not (store.path / "text.parts").exists()


@needs_dask
@pytest.mark.parametrize("nanny", [False, True], ids=["killed for good", "started again"])
def test_a_part_that_kills_every_worker_ends_in_a_message(store, checkpoint, clusters, monkeypatch, nanny):
    cluster = clusters(1, failures=1 if nanny else 0, nanny=nanny)
    monkeypatch.setattr(worker, "encode_part", calls.die)
    monkeypatch.setattr(loop, "PATIENCE", 250)
    with pytest.raises(Unavailable, match=r"a worker process died(.|\n)*it continues; dask gave up"):
        extracted(store, checkpoint, cluster)


@needs_dask
def test_a_part_that_kills_the_last_worker_ends_in_a_message(store, checkpoint, clusters, monkeypatch):
    """No nanny starts it again, and dask would wait for another for ever."""
    cluster, said = clusters(1), []
    monkeypatch.setattr(worker, "encode_part", calls.die)
    monkeypatch.setattr(loop, "PATIENCE", 1)
    with pytest.raises(Unavailable, match=f"the dask scheduler at {cluster.address} has no worker, 1 s long; what was"):
        extracted(store, checkpoint, cluster, say=said.append)
    assert said == [
        f"the dask scheduler at {cluster.address} has no worker; waiting up to 1 s for one …\n"
        f"  do: start some: `dask worker {cluster.address} --nthreads 1`"
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_part_that_kills_its_process_here_ends_in_a_message(store, checkpoint, monkeypatch, worker_processes, jobs):
    monkeypatch.setattr(worker, "encode_part", calls.die)
    with pytest.raises(
        Unavailable, match=r"a worker process died, most likely for want of memory; what was finished is"
    ):
        extract(store, EncoderSpec("", checkpoint), jobs=jobs, device="cpu")
    assert _worker_processes() == []


@needs_dask
def test_a_scheduler_that_is_killed_ends_in_a_message(clusters):
    cluster = clusters(1)
    with pytest.raises(Unavailable, match=f"the dask scheduler at {cluster.address} ended, or was restarted, in the"):
        called(on(cluster), calls.kill, [(0, cluster.scheduler)])


# Workers that are not there


@needs_dask
def test_a_cluster_to_which_no_worker_ever_comes_ends_in_a_message(store, checkpoint, clusters, monkeypatch):
    cluster = clusters()
    monkeypatch.setattr(loop, "PATIENCE", 1)
    with pytest.raises(Unavailable, match=f"the dask scheduler at {cluster.address} has no worker, 1 s long"):
        extracted(store, checkpoint, cluster, say=lambda line: None)


@needs_dask
def test_a_worker_that_comes_late_does_the_work(clusters, monkeypatch):
    cluster, said = clusters(), []
    monkeypatch.setattr(loop, "PATIENCE", 250)

    def say(line):
        said.append(line)
        if len(said) == 1:
            cluster.pids = cluster.add()

    assert called(on(cluster), calls.process, [(0,), (1,)], say) == [(0, cluster.pids[0]), (1, cluster.pids[0])]
    assert "has no worker; waiting up to 250 s for one" in said[0]


@needs_dask
def test_the_only_worker_of_a_cluster_does_the_work_and_not_this_process(store, checkpoint, steady, monkeypatch):
    monkeypatch.setattr(worker, "encode_part", letters.sign)
    assert extracted(store, checkpoint, steady).encoded == COUNT
    assert _signatures(store) == set(steady.pids)
    assert os.getpid() not in steady.pids


def test_one_job_is_a_worker_process_too(store, checkpoint, monkeypatch, worker_processes):
    monkeypatch.setattr(worker, "encode_part", letters.sign)
    assert extract(store, EncoderSpec("", checkpoint), jobs=1, device="cpu").encoded == COUNT
    assert len(_signatures(store)) == 1
    assert os.getpid() not in _signatures(store)


@needs_dask
def test_a_network_on_a_cluster_gives_the_same_vectors_as_here(store, checkpoint, steady):
    assert extracted(store, checkpoint, steady).encoded == COUNT
    here = tiny.store(store.path.with_name("here"), list(store.utterances), store.root)
    extract(here, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    found, expected = FeatureFile(store.path / "text.h5"), FeatureFile(here.path / "text.h5")
    np.testing.assert_allclose(found["mean"], expected["mean"], rtol=1e-4, atol=1e-5)


def _signatures(store):
    return {int(path.stem) for path in store.path.glob("*.worker")}


@needs_dask
def test_a_cluster_of_its_own_is_started_and_ended_where_no_scheduler_is_named():
    pids = {pid for _, pid in called(Engine("dask", 2), calls.process, [(number,) for number in range(20)])}
    assert os.getpid() not in pids
    _wait_until(lambda: not any(map(psutil.pid_exists, pids)))


@pytest.mark.parametrize("name", LOCAL)
def test_workers_have_one_thread(name, worker_processes):
    assert called(Engine(name, 2), calls.threads, [(0,), (1,)]) == [(0, [1]), (1, [1])]


@needs_dask
def test_a_clusters_calls_have_one_thread_whatever_its_worker_has(steady, monkeypatch):
    assert list(each(calls.threads, [(0,), (1,)], on(steady))) == [[1], [1]]


@pytest.mark.parametrize("name", LOCAL)
def test_an_error_for_users_comes_from_a_worker_as_it_is(name, worker_processes):
    with pytest.raises(UnknownName, match=r"^unknown thing 'x'\n  expected: one of y, z\n  do: did you mean y\?$"):
        called(Engine(name, 2), calls.refuse, [(0,), (1,), (2,)])
    assert _worker_processes() == []


# Storage that is not shared


@needs_dask
def test_a_worker_that_writes_elsewhere_is_told(store, checkpoint, steady, monkeypatch):
    monkeypatch.setattr(worker, "encode_part", _elsewhere)
    with pytest.raises(Unavailable, match=r"a dask worker wrote .*h5, and it is not here\n  expected: a store on stor"):
        extracted(store, checkpoint, steady)


def _elsewhere(task):
    return worker.Done(task.path, [])


@needs_dask
def test_a_benchmarks_worker_that_writes_elsewhere_is_told(tmp_path, steady, monkeypatch):
    monkeypatch.setattr(runner, "_run_together", _unwritten)
    with pytest.raises(
        Unavailable, match=r"a dask worker wrote a run to .*runs, and it is not here\n  expected: a folder of results"
    ):
        runner.benchmark(FakeStore(), SESSIONS, tmp_path / "out", engine=on(steady))


def _unwritten(store, group, folder):
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
def test_a_benchmark_on_dask_whose_worker_is_killed_in_the_middle_of_a_run(tmp_path, clusters, monkeypatch, whole):
    cluster, said = clusters(2), []
    monkeypatch.setattr(runner, "_run_together", _die_in_a_run)
    runner.benchmark(FakeStore(), SESSIONS, tmp_path / "out", engine=on(cluster), say=said.append)
    assert int((tmp_path / "out" / "killed").read_text()) in cluster.pids
    assert len(whole) == 6
    assert answers(tmp_path / "out") == whole
    assert [line.partition(" ")[0] for line in said[-6:]] == [f"{number}/6" for number in range(1, 7)]
    assert results.read(tmp_path / "out").about["machine"]["engine"] == f"dask {cluster.address}"


_run_together = runner._run_together


def _die_in_a_run(store, group, folder):
    calls.die_once(0, folder.parent)
    return _run_together(store, group, folder)


def test_a_benchmark_here_whose_worker_dies_ends_in_a_message_and_goes_on(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    monkeypatch.setattr(runner, "_run_together", _die_in_a_run)
    with pytest.raises(
        Unavailable, match=r"a worker process died, (.|\n)*it continues; --jobs 1 needs the least memory"
    ):
        runner.benchmark(FakeStore(), SESSIONS, tmp_path)
    runner.benchmark(FakeStore(), SESSIONS, tmp_path)  # nobody dies twice
    assert answers(tmp_path) == whole


@needs_dask
def test_a_single_run_goes_to_the_cluster_too(tmp_path, steady, monkeypatch):
    monkeypatch.setattr(runner, "_run_together", _sign_a_run)
    runner.benchmark(FakeStore(), BenchmarkConfig.parse(("prior",)), tmp_path, engine=on(steady))
    assert {int(path.stem) for path in tmp_path.glob("*.worker")} == set(steady.pids)


def _sign_a_run(store, group, folder):
    (folder.parent / f"{os.getpid()}.worker").touch()
    return _run_together(store, group, folder)


@needs_dask
def test_the_command_benchmarks_on_a_cluster_from_any_folder(store, checkpoint, steady, monkeypatch):
    """A path that is relative here is another one where the worker runs."""
    monkeypatch.setattr(worker, "encode_part", letters.encode_part)
    extract(store, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    monkeypatch.chdir(store.path.parent)
    options = ["--engine", "dask", "--scheduler", steady.address, "--heads", "prior,logistic", "--out", "results"]
    result = CliRunner().invoke(cli.main, ["benchmark", "--store", "store", *options])
    assert result.exit_code == 0, result.output
    assert len(answers(Path("results"))) == 2


def test_the_command_refuses_a_scheduler_of_another_engine(tmp_path):
    options = ["--heads", "prior", "--out", str(tmp_path), "--scheduler", "tcp://a:1"]
    result = CliRunner().invoke(cli.main, ["benchmark", "--store", str(tmp_path), *options])
    assert result.exit_code == 1
    assert "engine loky takes no --scheduler\n  do: --engine dask --scheduler tcp://" in result.output


# Nothing is left running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("name", LOCAL)
def test_whatever_ends_a_command_ends_its_workers(tmp_path, name, number):
    token = uuid.uuid4().hex
    command = [sys.executable, "-m", "tests.faults.calls", name, str(int(number)), str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TOKEN": token}, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.wait(250) != 0
            assert len(list(tmp_path.iterdir())) == 2  # both workers were at work
            _wait_until(lambda: not _with(token))
        finally:
            for left in _with(token):
                left.kill()


def _with(token):
    """The processes that were started for a test, by whomever."""
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
def test_ray(store, checkpoint, tmp_path, whole):
    """In a process of its own: ray leaves threads, sockets and warnings behind."""
    program = (
        "import sys; from pathlib import Path; from featurestore.extraction.extract import extract;"
        "from featurestore.store import Store; from featurestore.spec import EncoderSpec;"
        "from featurestore.engines import Engine; from benchmarks.runs import runner;"
        "from tests.support.fake_store import FakeStore; from tests.featurestore.engines.test_engines import SESSIONS;"
        "extract(Store(sys.argv[1]), EncoderSpec('', sys.argv[2]), engine='ray', jobs=2, device='cpu');"
        "runner.benchmark(FakeStore(), SESSIONS, Path(sys.argv[3]), engine=Engine('ray', 2))"
    )
    done = _with_ray(program, str(store.path), checkpoint, str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    here = tiny.store(store.path.with_name("here"), list(store.utterances), store.root)
    extract(here, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    np.testing.assert_allclose(
        FeatureFile(store.path / "text.h5")["mean"], FeatureFile(here.path / "text.h5")["mean"], rtol=1e-4, atol=1e-5
    )
    assert answers(tmp_path / "out") == whole


@needs_ray
@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            "die",
            r"Unavailable: a worker process died, most likely for want of memory; what was finished is kept\n  do: ",
        ),
        ("refuse", r"UnknownName: unknown thing 'x'\n  expected: one of y, z\n  do: did you mean y\?$"),
    ],
)
def test_a_call_that_fails_on_ray_is_told(call, told):
    program = (
        "from featurestore.engines.dispatch import dispatch; from featurestore.engines import Engine;"
        "from featurestore.errors import Problem; from tests.faults import calls\n"
        "try:\n"
        "    with Engine('ray', 2).running() as workers:\n"
        f"        list(dispatch(workers, calls.{call}, [(0,), (1,)], say=print))\n"
        "except Problem as problem:\n"
        "    print(f'{type(problem).__name__}: {problem}')\n"
    )
    done = _with_ray(program)
    assert done.returncode == 0, done.stderr
    assert re.search(told, done.stdout.strip())


def _with_ray(program, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_memory_monitor_refresh_ms": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=250)


# What cannot be had


@needs_dask
def test_a_scheduler_that_does_not_answer_is_told(monkeypatch):
    import distributed

    def refuse(*args, **options):
        raise OSError("Timed out trying to connect to tcp://127.0.0.1:9")

    monkeypatch.setattr(distributed, "Client", refuse)
    with (
        pytest.raises(Unavailable, match=r"no dask scheduler answers at tcp://127\.0\.0\.1:9\n  got: Timed out"),
        Engine("dask", scheduler="tcp://127.0.0.1:9").running(),
    ):
        pass


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_missing_package_names_its_extra(monkeypatch, name):
    monkeypatch.setattr(_workers, "find_spec", lambda package: None)
    with (
        pytest.raises(Unavailable, match=rf"engine {name} needs .*\n  do: pip install 'emofuse\[{name}\]'"),
        Engine(name).running(),
    ):
        pass


def test_wrong_engines_and_schedulers_are_refused():
    with pytest.raises(UnknownName, match="unknown engine 'dusk'\n  expected: one of loky, dask, ray\n  do: did you"):
        Engine("dusk")
    with pytest.raises(BadValue, match="engine loky takes no --scheduler\n  do: --engine dask --scheduler tcp://"):
        Engine("loky", scheduler="tcp://a:1")

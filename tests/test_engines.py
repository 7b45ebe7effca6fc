"""Extraction on clusters that are really there: processes of their own, spoken to over TCP."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from featurestore import engines, worker
from featurestore.encoders.hf_text import HFText
from featurestore.engines import Engine
from featurestore.errors import BadValue, Unavailable, UnknownName
from featurestore.extract import extract
from featurestore.featurefile import FeatureFile
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests import tiny

ROOT = Path(__file__).parents[1]
COUNT = 60


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny.checkpoint("bert", tmp_path_factory.mktemp("model") / "text"))


@pytest.fixture
def store(tmp_path):
    return tiny.store(tmp_path / "store", tiny.utterances(COUNT, tmp_path / "corpus"), tmp_path / "corpus")


@pytest.fixture(scope="module")
def cluster():
    """A scheduler and two workers, each a process of its own, on a free port."""
    distributed = pytest.importorskip("distributed", reason="dask is not installed: pip install 'emofuse[dask]'")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, protocol="tcp", dashboard_address=":0"
    ) as running:
        yield running


def reference(store, checkpoint):
    """The same features, made in this process."""
    here = tiny.store(store.path.with_name("here"), list(store.utterances), store.root)
    extract(here, EncoderSpec("", checkpoint), jobs=1, device="cpu")
    return FeatureFile(here.path / "text.h5")


def test_a_dask_worker_that_is_killed_in_the_middle_loses_nothing(store, checkpoint, cluster, monkeypatch):
    import distributed

    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        pids = list(client.run(os.getpid).values())
        assert len(set(pids)) == 2
        assert os.getpid() not in pids
    monkeypatch.setattr(worker, "encode_part", _die_once)
    result = extract(
        store, EncoderSpec("", checkpoint), engine="dask", scheduler=cluster.scheduler_address, device="cpu"
    )
    monkeypatch.undo()
    assert int((store.path / "killed").read_text()) in pids
    assert (result.encoded, result.failed) == (COUNT, {})
    file, expected = FeatureFile(store.path / "text.h5"), reference(store, checkpoint)
    assert file.ids == expected.ids
    assert file.damaged() == []
    np.testing.assert_allclose(file["mean"], expected["mean"], rtol=1e-4, atol=1e-5)
    assert not (store.path / "text.parts").exists()


def test_a_part_that_kills_every_worker_ends_in_a_message(store, checkpoint, cluster, monkeypatch):
    monkeypatch.setattr(worker, "encode_part", _die)
    with pytest.raises(Unavailable, match=r"a worker process died(.|\n)*it continues; dask gave up"):
        extract(store, EncoderSpec("", checkpoint), engine="dask", scheduler=cluster.scheduler_address, device="cpu")
    monkeypatch.undo()
    assert extract(Store(store.path), EncoderSpec("", checkpoint), jobs=1, device="cpu").failed == {}


_encode_part = worker.encode_part


def _die_once(task):
    """The worker that is first to see a finished part dies in the middle of its own; the others go on."""
    loaded, folder = HFText.load, task.path.parent

    def load(self, item):
        if list(folder.glob("[!.]*.h5")):
            with suppress(FileExistsError), folder.with_name("killed").open("x") as file:
                file.write(str(os.getpid()))
                file.flush()
                os.kill(os.getpid(), signal.SIGKILL)
        return loaded(self, item)

    HFText.load = load
    try:
        return _encode_part(task)
    finally:
        HFText.load = loaded


def _die(task):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_writes_elsewhere_is_told(store, checkpoint, cluster, monkeypatch):
    monkeypatch.setattr(worker, "encode_part", _elsewhere)
    with pytest.raises(Unavailable, match=r"a dask worker wrote .*h5, and it is not here\n  expected: a store on stor"):
        extract(store, EncoderSpec("", checkpoint), engine="dask", scheduler=cluster.scheduler_address, device="cpu")


def _elsewhere(task):
    """The first answers at once, while the others are at work: what becomes of those is no news for users."""
    try:
        task.path.parent.parent.joinpath("first").touch(exist_ok=False)
    except FileExistsError:
        time.sleep(1)
    return worker.Done(task.path, [])


def test_a_dask_cluster_of_its_own_is_started_where_no_scheduler_is_named(store, checkpoint):
    pytest.importorskip("distributed")
    result = extract(store, EncoderSpec("", checkpoint), engine="dask", jobs=1, device="cpu")
    assert (result.encoded, result.failed) == (COUNT, {})


def test_ray(store, checkpoint):
    """In a process of its own: ray leaves threads, sockets and warnings behind."""
    pytest.importorskip("ray", reason="ray is not installed: pip install 'emofuse[ray]'")
    program = (
        "import sys; from featurestore.extract import extract; from featurestore.store import Store;"
        "from featurestore.spec import EncoderSpec;"
        "extract(Store(sys.argv[1]), EncoderSpec('', sys.argv[2]), engine='ray', jobs=2, device='cpu')"
    )
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_memory_monitor_refresh_ms": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, str(store.path), checkpoint]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        FeatureFile(store.path / "text.h5")["mean"], reference(store, checkpoint)["mean"], rtol=1e-4, atol=1e-5
    )


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch):
    distributed = pytest.importorskip("distributed")

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
    monkeypatch.setattr(engines, "find_spec", lambda package: None)
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

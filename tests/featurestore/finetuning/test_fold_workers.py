"""Fine-tune on several folds at once, in workers here and on a dask cluster."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

import psutil
import pytest
from click.testing import CliRunner

from cli import main
from featurestore.engines import Engine, loky
from featurestore.errors import BadValue, Unavailable
from featurestore.finetuning import fold_workers
from featurestore.finetuning.by_fold import finetune_folds
from featurestore.finetuning.finetune import FineTuned
from featurestore.finetuning.worker_lines import follow_lines, open_lines
from tests.featurestore.finetuning.fold_stand_in import write_or_die
from tests.featurestore.finetuning.texts import assert_same_weights
from tests.support import fork_server, inline, stopped_folds, tiny
from tests.support.cluster import Cluster, needs_dask
from tests.support.processes import wait_until


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return tiny.checkpoint("bert", tmp_path_factory.mktemp("start") / "text")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return tiny.store(folder / "store", tiny.utterances(12, folder / "clips"), folder / "clips")


@pytest.fixture(scope="module")
def in_turn(store, start, tmp_path_factory):
    out = tmp_path_factory.mktemp("in-turn") / "out"
    tune(store, start, out)
    return out


def tune(store, start, out, engine=None, **changes):
    lines = []
    options = {"protocol": "leave-one-session-out", "all_folds": True, "epochs": 1, "dev": 0.0, "select": "last"}
    done = finetune_folds(
        store, modality="text", checkpoint=str(start), out=out, engine=engine, say=lines.append, **options | changes
    )
    return done, lines


def assert_same_folds(out, expected):
    assert sorted(path.name for path in out.iterdir()) == ["0", "1"]
    for name in ("0", "1"):
        assert_same_weights(out / name, expected / name)
        assert read_record(out / name) == read_record(expected / name)


def read_record(folder):
    """Return the record of a checkpoint, without the time at which it was made."""
    return {
        name: value for name, value in json.loads((folder / "finetune.json").read_text()).items() if name != "created"
    }


@needs_dask
def test_a_dask_cluster_gives_what_the_folds_in_turn_give(store, start, in_turn, tmp_path):
    cluster = Cluster(tmp_path)
    try:
        cluster.add(2)
        words = ["finetune", "--store", str(store.path), "--modality", "text", "--checkpoint", str(start)]
        words += ["--protocol", "leave-one-session-out", "--all-folds", "--epochs", "1", "--dev", "0"]
        words += ["--select", "last", "--out", str(tmp_path / "out"), "--engine", "dask"]
        done = CliRunner().invoke(main, [*words, "--scheduler", cluster.address, "--json"])
    finally:
        cluster.close()
    assert done.exit_code == 0, done.output
    assert [one["fold"] for one in json.loads(done.stdout)] == ["0", "1"]
    assert re.search(r"^fold 0: .*to train on", done.stderr, re.M)
    assert "fold 1: done, 2 of 2\n" in done.stderr
    assert_same_folds(tmp_path / "out", in_turn)


def test_a_killed_worker_loses_its_fold_alone(store, tmp_path, monkeypatch):
    monkeypatch.setattr(fold_workers, "run_fold", write_or_die)
    monkeypatch.setattr(fold_workers, "count_cores", lambda: 4)
    with pytest.raises(Unavailable, match="a worker process died(.|\n)*run the same command again: it continues"):
        tune(store, "c", tmp_path / "out", Engine(jobs=2))
    done, lines = tune(store, "c", tmp_path / "out", Engine(jobs=2))
    assert [(one.folder.name, one.fresh) for one in done] == [("0", False), ("1", True)]
    assert os.getpid() not in {one.record["process"] for one in done}
    assert sorted(lines) == ["fold 0: 2 threads", "fold 0: done, 1 of 2", "fold 1: 2 threads", "fold 1: done, 2 of 2"]
    assert lines[-1] == "fold 1: done, 2 of 2"
    assert not list((tmp_path / "out").glob(".*.lines"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_the_command_with_its_workers_and_it_continues(
    number, store, start, in_turn, tmp_path, monkeypatch
):
    out, errors = tmp_path / "out", tmp_path / "errors"
    shutil.copytree(in_turn / "0", out / "0")
    words = ["finetune", "--store", store.path, "--modality", "text", "--checkpoint", start, "--out", out]
    words += ["--protocol", "leave-one-session-out", "--all-folds", "--epochs", 1, "--dev", 0, "--select", "last"]
    process = fork_server.start(stopped_folds.run, [*map(str, words), "--jobs", "2"], str(errors))
    try:
        wait_until(lambda: len(list(out.glob(".*.pid"))) == 2 or not process.is_alive(), 120)
        workers = [int(path.stem[1:]) for path in out.glob(".*.pid")]
        assert len(workers) == 2, errors.read_text()
    finally:
        os.kill(process.pid, number)
        process.join(10)
    assert process.exitcode == (-number if number == signal.SIGKILL else 128 + number)
    wait_until(lambda: not any(map(psutil.pid_exists, workers)), 20)
    if number != signal.SIGKILL:
        kept = "finished work is kept; run the same command again to continue"
        assert errors.read_text().splitlines()[-1] == f"stopped by {number.name}; {kept}"
        assert not list(out.glob(".*.lines"))
    monkeypatch.setattr(loky, "open_pool", inline.open_pool_here)
    done, lines = tune(store, start, out, Engine(jobs=2))
    assert [one.fresh for one in done] == [False, True]
    assert "fold 0: training" not in lines  # what a killed command left is no line of this one
    for path in out.glob(".*.pid"):
        path.unlink()
    assert_same_folds(out, in_turn)


def test_an_error_of_a_fold_reaches_the_user(store, start, tmp_path, monkeypatch):
    monkeypatch.setattr(
        fold_workers, "run_each", lambda function, tasks, *_, **__: (function(*task) for task in tasks[::-1])
    )
    (tmp_path / "out" / "1").mkdir(parents=True)
    with pytest.raises(Exception, match="out/1 exists, and fine-tuning did not write it"):
        tune(store, start, tmp_path / "out", Engine(jobs=2))
    assert not list((tmp_path / "out").glob(".*.lines"))


def test_the_cores_are_divided_among_the_folds(store, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(loky, "open_pool", inline.open_pool)
    monkeypatch.setattr(fold_workers, "count_cores", lambda: 8)

    def run_each(function, tasks, engine, **_):
        given.extend(task[-1] for task in tasks)
        yield from (FineTuned(task[2], {}, True) for task in tasks)

    monkeypatch.setattr(fold_workers, "run_each", run_each)
    tune(store, "c", tmp_path / "o", Engine(jobs=3), crossfit=0)
    assert given == [4, 4]
    given.clear()
    tune(store, "c", tmp_path / "o", Engine(jobs=2), protocol="speaker-kfold")
    assert set(given) == {4}


def test_a_checkpoint_that_a_worker_wrote_elsewhere_is_missed(store, tmp_path, monkeypatch):
    monkeypatch.setattr(
        fold_workers, "run_each", lambda function, tasks, *_, **__: (FineTuned(task[2], {}, True) for task in tasks)
    )
    with pytest.raises(Unavailable, match="a dask worker wrote a checkpoint to .*o/0, and it is not here"):
        tune(store, "c", tmp_path / "o", Engine("dask"))


def test_one_job_fine_tunes_in_this_process(store, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(
        "featurestore.finetuning.finetune.finetune", lambda **options: given.append((os.getpid(), options["out"].name))
    )
    tune(store, "c", tmp_path / "o", Engine(jobs=1))
    assert given == [(os.getpid(), "0"), (os.getpid(), "1")]


def test_workers_and_shared_training_contradict_each_other(store, tmp_path):
    with pytest.raises(BadValue, match="folds in several workers and several processes for one fold contradict"):
        tune(store, "c", tmp_path / "o", Engine(jobs=2), processes=2, device="cpu")


def test_lines_are_followed_while_they_are_written(tmp_path):
    said, came = [], threading.Event()

    def say(line):
        said.append(line)
        came.set()

    path = tmp_path / "lines"
    path.write_text("of an earlier run\n")
    with follow_lines({"a": path, "b": tmp_path / "none"}, say):
        with open_lines(path) as write:
            write("grün")
            assert came.wait(20)
            with path.open("ab") as file:
                file.write(b"half")
        assert said == ["fold a: grün"]
    assert said == ["fold a: grün"]
    assert not path.exists()


def test_a_task_loads_no_network_where_it_is_handed_out():
    """A dask scheduler unpickles it, and answers nobody meanwhile."""
    code = (
        "import sys, featurestore.finetuning.fold_job, featurestore.engines.parallel\n"
        "assert not {'torch', 'transformers', 'sklearn'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
